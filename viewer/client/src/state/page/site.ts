/** The catalogue that a dataset's page belongs to; null where the server shows this dataset alone. */
export interface Site {
  readonly title: string;
  /** Relative to the page. */
  readonly url: string;
}

function find(): Site | null {
  if (typeof document === 'undefined') return null;
  const named = document.querySelector<HTMLMetaElement>('meta[name="starcyte-catalogue"]');
  return named ? { title: named.content, url: '../../' } : null;
}

export const site = find();
