/** Elements of SVG. */
const SVG = 'http://www.w3.org/2000/svg';

export function element(name: string, attributes: Record<string, string | number>): SVGElement {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

export function text(content: string, x: number, y: number, attributes: Record<string, string | number>): SVGElement {
  const made = element('text', { x, y, ...attributes });
  made.textContent = content;
  return made;
}
