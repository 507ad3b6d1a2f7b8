/** The options of the tool but for its dataset, from Galaxy's form. */

import type { FormInput } from './galaxy';

export interface Choice {
  value: string;
  label: string;
}

interface Common {
  /** The name of the input, with its sections. */
  name: string;
  label: string;
  help: string;
}

export type Option = Common &
  (
    | { kind: 'choice'; value: string; choices: Choice[] }
    | { kind: 'dataset'; value: string; choices: Choice[] }
    | { kind: 'switch'; value: boolean }
    | { kind: 'number'; value: string; min?: number; max?: number; step: 'any' | '1' }
    | { kind: 'text'; value: string }
  );

/** Options without a choice: the tool always opens a session. */
const FIXED = new Set(['options|mode']);

/** Return the name of the input for the dataset: the first that accepts an h5ad. */
export function datasetInput(form: readonly FormInput[]): string {
  const input = form.find((i) => i.type === 'data' && i.extensions?.includes('h5ad'));
  return input?.name ?? 'infile';
}

/** Return the options of a form. Conditionals are left to Galaxy's own form. */
export function optionsOf(form: readonly FormInput[], prefix = ''): Option[] {
  const dataset = prefix ? undefined : datasetInput(form);
  return form.flatMap((input) => {
    if (input.hidden || input.multiple || (!prefix && input.name === dataset)) return [];
    const name = prefix + input.name;
    if (FIXED.has(name)) return [];
    if (input.type === 'section') return optionsOf(input.inputs ?? [], `${name}|`);
    const common = { name, label: input.label || input.name, help: plain(input.help ?? '') };
    const value = input.value;
    switch (input.type) {
      case 'select': {
        const choices = choicesOf(input.options);
        if (!choices.length) return [];
        if (input.optional) choices.unshift({ value: '', label: 'Automatic' });
        return [
          { ...common, kind: 'choice' as const, choices, value: value == null ? choices[0]!.value : String(value) },
        ];
      }
      case 'data': {
        const found = (input.options as { hda?: { id: string; hid: number; name: string }[] } | null)?.hda ?? [];
        if (!input.optional || !found.length) return [];
        const choices = found.map((d) => ({ value: d.id, label: `${d.hid}: ${d.name}` }));
        return [
          { ...common, kind: 'dataset' as const, value: '', choices: [{ value: '', label: 'None' }, ...choices] },
        ];
      }
      case 'boolean':
        return [{ ...common, kind: 'switch' as const, value: value === true || value === 'true' }];
      case 'integer':
      case 'float': {
        const step = input.type === 'integer' ? ('1' as const) : ('any' as const);
        const limits = {
          ...(input.min == null ? {} : { min: input.min }),
          ...(input.max == null ? {} : { max: input.max }),
        };
        return [{ ...common, kind: 'number' as const, value: value == null ? '' : String(value), step, ...limits }];
      }
      case 'text':
        return [{ ...common, kind: 'text' as const, value: value == null ? '' : String(value) }];
      default:
        return [];
    }
  });
}

/** Return the inputs of the tool for a dataset and its options. Empty options are left out. */
export function inputsOf(input: string, dataset: string, options: readonly Option[]): Record<string, unknown> {
  const inputs: Record<string, unknown> = { [input]: { src: 'hda', id: dataset } };
  for (const option of options) {
    if (option.kind === 'switch') inputs[option.name] = option.value;
    else if (option.value === '') continue;
    else inputs[option.name] = option.kind === 'dataset' ? { src: 'hda', id: option.value } : option.value;
  }
  return inputs;
}

/** Convert Galaxy's options, which are tuples of label, value and whether they are chosen. */
function choicesOf(options: unknown): Choice[] {
  if (!Array.isArray(options)) return [];
  return options.flatMap((option: unknown) =>
    Array.isArray(option) && typeof option[1] === 'string' && option[1] !== ''
      ? [{ label: String(option[0]), value: option[1] }]
      : [],
  );
}

/** Convert help in HTML to text. */
function plain(html: string): string {
  return html
    .replace(/<[^>]*>/g, '')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&amp;/g, '&')
    .trim();
}
