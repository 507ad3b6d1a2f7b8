/** Where to go after signing in: a path of this server, below the page's own folder, and nothing else. */
export function targetOf(search: string): string {
  const given = new URLSearchParams(search).get('next') ?? '';
  const plain = /^[A-Za-z0-9_~-][A-Za-z0-9_.~-]*(\/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)*\/?$/;
  return plain.test(given) ? `./${given}` : './';
}
