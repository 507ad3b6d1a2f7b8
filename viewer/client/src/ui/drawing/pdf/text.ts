/** Text in the standard fonts of PDF: its characters as codes, and how wide it is. */
import { FIRST, type StandardFont, SYMBOL, WIDTHS } from './metrics';

/** A part of a text in one font. */
export type Run =
  | {
      readonly kind: 'text';
      readonly font: StandardFont;
      readonly codes: readonly number[];
      /** The size and the height above the line, in sizes of the text. */
      readonly size: number;
      readonly rise: number;
      /** In sizes of the text. */
      readonly width: number;
    }
  /** Characters that no standard font has: they are drawn as a picture. */
  | { readonly kind: 'picture'; readonly text: string };

/** The characters of Windows-1252 from 0x80 to 0x9f, which differ from ISO 8859-1. */
const WINDOWS = '€\0‚ƒ„…†‡ˆ‰Š‹Œ\0Ž\0\0‘’“”•–—˜™š›œ\0žŸ';
const SUBSCRIPTS = '₀₁₂₃₄₅₆₇₈₉';
const SUPERSCRIPTS = '⁰⁴⁵⁶⁷⁸⁹';
const SUPERSCRIPT_DIGITS = '0456789';
/** How small the digits of a subscript are, and how deep. */
const SMALL = 0.65;
const [DEEP, HIGH] = [-0.15, 0.35];

/** The code of a character in WinAnsi; null if it has none. */
function winAnsi(letter: string): number | null {
  const point = letter.codePointAt(0) ?? 0;
  if (point >= 32 && point < 127) return point;
  if (point >= 0xa0 && point <= 0xff) return point;
  const at = letter === '\0' ? -1 : WINDOWS.indexOf(letter);
  return at < 0 ? null : 0x80 + at;
}

type Piece = Omit<Extract<Run, { kind: 'text' }>, 'codes' | 'kind'> & { readonly code: number };

function pieceOf(letter: string, font: Exclude<StandardFont, 'Symbol'>): Piece | null {
  const sub = SUBSCRIPTS.indexOf(letter);
  const sup = SUPERSCRIPTS.indexOf(letter);
  const plain = sub >= 0 ? String(sub) : sup >= 0 ? (SUPERSCRIPT_DIGITS[sup] as string) : letter;
  const size = plain === letter ? 1 : SMALL;
  const rise = sub >= 0 ? DEEP : sup >= 0 ? HIGH : 0;
  const code = winAnsi(plain);
  if (code !== null) return { font, code, size, rise, width: (size * (WIDTHS[font][code - FIRST] ?? 0)) / 1000 };
  const symbol = SYMBOL.get(plain);
  return symbol ? { font: 'Symbol', code: symbol[0], size, rise, width: (size * symbol[1]) / 1000 } : null;
}

/** Split a text into runs of one font each. */
export function runs(text: string, font: Exclude<StandardFont, 'Symbol'>): Run[] {
  const made: Run[] = [];
  // Composed letters have codes, and letters with their marks apart have none.
  for (const letter of text.normalize('NFC').replace(/\s/g, ' ')) {
    const piece = pieceOf(letter, font);
    const last = made.at(-1);
    if (!piece) {
      if (last?.kind === 'picture') made[made.length - 1] = { kind: 'picture', text: last.text + letter };
      else made.push({ kind: 'picture', text: letter });
    } else if (
      last?.kind === 'text' &&
      last.font === piece.font &&
      last.rise === piece.rise &&
      last.size === piece.size
    ) {
      made[made.length - 1] = { ...last, codes: [...last.codes, piece.code], width: last.width + piece.width };
    } else {
      const { code, ...rest } = piece;
      made.push({ kind: 'text', ...rest, codes: [code] });
    }
  }
  return made;
}

/** The standard font that is nearest to that of a style. */
export function standardFont(family: string, weight: string): Exclude<StandardFont, 'Symbol'> {
  const isBold = weight === 'bold' || Number(weight) >= 600;
  if (/^["']?times|^serif/i.test(family.trim())) return isBold ? 'Times-Bold' : 'Times-Roman';
  return isBold ? 'Helvetica-Bold' : 'Helvetica';
}
