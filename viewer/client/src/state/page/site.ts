/** The catalog that the dataset of this page belongs to. */
export interface Site {
  readonly title: string;
  /** Relative to the page. */
  readonly url: string;
}

function find(): Site | null {
  if (typeof document === 'undefined') return null;
  const named = document.querySelector<HTMLMetaElement>('meta[name="starcyte-catalog"]');
  return named ? { title: named.content, url: '../../' } : null;
}

export const site = find();
