/** Return the target of the redirection after login: a path below the folder of the page, never another site. */
export function targetOf(search: string): string {
  const given = new URLSearchParams(search).get('next') ?? '';
  const plain = /^[A-Za-z0-9_~-][A-Za-z0-9_.~-]*(\/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)*\/?$/;
  return plain.test(given) ? `./${given}` : './';
}
