import { expect, test } from 'vitest';
import { deflated, PdfFile, unicode } from './file';
import { circlePath, matricesOf, paintOf, svgPath } from './shapes';
import { runs, standardFont } from './text';

/** The width of a text in points at a size, as reportlab's stringWidth has it. */
function width(text: string, font: 'Helvetica' | 'Helvetica-Bold' | 'Times-Roman', size: number): number {
  return runs(text, font).reduce((sum, run) => sum + (run.kind === 'text' ? run.width : Number.NaN), 0) * size;
}

test('texts are as wide as the metrics of the standard fonts say', () => {
  expect(width('CD4 T cells', 'Helvetica', 10)).toBeCloseTo(51.67, 2);
  expect(width('CD4 T cells', 'Helvetica-Bold', 10)).toBeCloseTo(53.91, 2);
  expect(width('Größe – naïve', 'Times-Roman', 10)).toBeCloseTo(56.65, 2);
});

test('Greek letters and signs are those of Symbol, digits of subscripts are small and deep', () => {
  expect(runs('CD3ε', 'Helvetica')).toMatchObject([
    { font: 'Helvetica', codes: [67, 68, 51] },
    { font: 'Symbol', codes: [101] },
  ]);
  expect(runs('−log₁₀ p', 'Helvetica')).toMatchObject([
    { font: 'Symbol', codes: [0x2d] },
    { codes: [108, 111, 103], rise: 0 },
    { codes: [49, 48], rise: -0.15, size: 0.65 },
    { codes: [32, 112], rise: 0 },
  ]);
});

test('characters that no standard font has are a picture, and none is lost', () => {
  expect(runs('T 細胞 β', 'Helvetica')).toMatchObject([
    { kind: 'text', codes: [84, 32] },
    { kind: 'picture', text: '細胞' },
    { kind: 'text', codes: [32] },
    { kind: 'text', font: 'Symbol', codes: [98] },
  ]);
  // a letter and its mark apart are one letter
  expect(runs('e\u0301…€', 'Helvetica')).toMatchObject([{ codes: [0xe9, 0x85, 0x80] }]);
});

test('the fonts of a style are the nearest standard ones', () => {
  expect(standardFont('Helvetica, Arial, sans-serif', '600')).toBe('Helvetica-Bold');
  expect(standardFont("'Times New Roman', Times, serif", '400')).toBe('Times-Roman');
});

test('paths, maps and colours keep their meaning', () => {
  expect(svgPath('M2 3l8 8m0 -8h-2V1Z').split('\n')).toEqual(['2 3 m', '10 11 l', '10 3 m', '8 3 l', '8 1 l', 'h']);
  expect(svgPath('M0 0Q3 6 6 0')).toBe('0 0 m\n2 4 4 4 6 0 c');
  expect(() => svgPath('M0 0A1 1 0 0 0 2 2')).toThrow('No such command of a path: A');
  const [moved, , turned] = matricesOf('translate(5 7) rotate(90)');
  expect(moved).toEqual([1, 0, 0, 1, 5, 7]);
  expect(turned?.map((value) => Math.round(value))).toEqual([0, 1, -1, 0, 0, 0]);
  expect(circlePath(1, 2, 3).startsWith('4 2 m')).toBe(true);
  expect(paintOf('rgb(255, 0, 51)')).toEqual([1, 0, 0.2, 1]);
  expect(paintOf('rgba(0, 0, 0, 0)')).toBeNull();
  expect(paintOf('rgb(0 0 255 / 40%)')).toEqual([0, 0, 1, 0.4]);
  expect(paintOf('#abc')).toEqual(paintOf('#aabbcc'));
  expect(paintOf('none')).toBeNull();
});

test('the table of a file says where each object begins', async () => {
  const file = new PdfFile();
  const root = file.add('<< /Type /Catalog >>');
  const stream = file.addStream('', await deflated([new Uint8Array([1, 2, 3])]));
  expect([root, stream]).toEqual(['1 0 R', '2 0 R']);
  const bytes = new Uint8Array(await file.finish(root, file.add('<< >>')).arrayBuffer());
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
  const table = Number(/startxref\n(\d+)/.exec(text)?.[1]);
  expect(text.slice(table, table + 8)).toBe('xref\n0 4');
  const offsets = [...text.slice(table).matchAll(/(\d{10}) 00000 n/g)].map(([, at]) => Number(at));
  offsets.forEach((at, k) => {
    expect(text.slice(at, at + 7)).toBe(`${k + 1} 0 obj`);
  });
  expect(unicode('β')).toBe('<FEFF03b2>');
});
