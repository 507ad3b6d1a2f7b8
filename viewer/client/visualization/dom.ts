/** Creation of elements from text. Strings from files or from Galaxy are never parsed as markup. */

type Child = Node | string | null | undefined | false;
type Properties<T> = Partial<Omit<T, 'attributes'>> & { attributes?: Record<string, string> };

export class Maker {
  constructor(private readonly document: Document) {}

  /** Create an element with properties and children. */
  make<K extends keyof HTMLElementTagNameMap>(
    tag: K,
    properties: Properties<HTMLElementTagNameMap[K]> = {},
    ...children: Child[]
  ): HTMLElementTagNameMap[K] {
    const element = this.document.createElement(tag);
    const { attributes, ...rest } = properties;
    Object.assign(element, rest);
    for (const [name, value] of Object.entries(attributes ?? {})) element.setAttribute(name, value);
    element.append(...children.filter((c): c is Node | string => c !== null && c !== undefined && c !== false));
    return element;
  }

  button(
    label: string,
    act: () => void,
    look: 'primary' | 'plain' | 'danger' = 'plain',
    title = '',
  ): HTMLButtonElement {
    return this.make('button', { type: 'button', className: look, title, onclick: act }, label);
  }

  /** Create a link to a page of Galaxy, which replaces this one. */
  link(label: string, href: string): HTMLAnchorElement {
    return this.make('a', { href, target: '_top' }, label);
  }

  /** Create a line icon of 16 by 16 pixels. */
  icon(path: string): SVGSVGElement {
    const namespace = 'http://www.w3.org/2000/svg';
    const svg = this.document.createElementNS(namespace, 'svg');
    svg.setAttribute('viewBox', '0 0 16 16');
    svg.setAttribute('class', 'icon');
    svg.setAttribute('aria-hidden', 'true');
    const line = this.document.createElementNS(namespace, 'path');
    line.setAttribute('d', path);
    svg.append(line);
    return svg;
  }
}

export const ICONS = {
  back: 'M10 3.5 5.5 8l4.5 4.5',
  tab: 'M9.5 2.5h4v4M13.5 2.5 8 8M12 9v4.5H2.5V4H7',
  stop: 'M4 4h8v8H4z',
  file: 'M4 1.5h5l3 3v10H4zM9 1.5v3h3',
} as const;
