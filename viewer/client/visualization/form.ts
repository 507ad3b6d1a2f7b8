/** The form of the options. */

import type { Maker } from './dom';
import type { Option } from './options';

/** Return a form that changes options in place. */
export function optionsForm(m: Maker, options: Option[]): HTMLElement {
  return m.make('div', { className: 'options' }, ...options.map((option, i) => field(m, option, `option-${i}`)));
}

function field(m: Maker, option: Option, id: string): HTMLElement {
  const help = option.help ? m.make('p', { className: 'help', id: `${id}-help` }, option.help) : null;
  const described: Record<string, string> = help ? { 'aria-describedby': help.id } : {};
  if (option.kind === 'switch') {
    const box = m.make('input', { type: 'checkbox', id, checked: option.value, attributes: described });
    box.onchange = () => {
      option.value = box.checked;
    };
    return m.make('div', { className: 'field switch' }, box, m.make('label', { htmlFor: id }, option.label), help);
  }
  return m.make(
    'div',
    { className: 'field' },
    m.make('label', { htmlFor: id }, option.label),
    control(m, option, id, described),
    help,
  );
}

function control(
  m: Maker,
  option: Exclude<Option, { kind: 'switch' }>,
  id: string,
  attributes: Record<string, string>,
): HTMLElement {
  if (option.kind === 'choice' || option.kind === 'dataset') {
    const select = m.make('select', { id, attributes });
    for (const { value, label } of option.choices) select.append(m.make('option', { value }, label));
    select.value = option.value;
    select.onchange = () => {
      option.value = select.value;
    };
    return select;
  }
  const input = m.make('input', { id, type: option.kind, value: option.value, attributes });
  if (option.kind === 'number') {
    input.step = option.step;
    if (option.min !== undefined) input.min = String(option.min);
    if (option.max !== undefined) input.max = String(option.max);
  }
  input.oninput = () => {
    option.value = input.value;
  };
  return input;
}
