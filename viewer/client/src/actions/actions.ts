/** All actions of the page: of its buttons, shortcuts, the command palette and the help. */

import { preferences } from '../state/page/preferences.svelte';
import type { Session } from '../state/session';
import { isCompareDisabled } from '../state/view/view';
import { typeAhead } from '../ui/typeAhead';
import type { Action } from './action';
import { CELL_ACTIONS } from './cellActions';
import { PAGE_ACTIONS } from './pageActions';
import { PLOT_ACTIONS } from './plotActions';

export const actions: readonly Action[] = [...PLOT_ACTIONS, ...CELL_ACTIONS, ...PAGE_ACTIONS];

/** Return whether an action is available: comparisons may be disabled on the server. */
export function isOffered(action: Action, { viewer }: Session): boolean {
  return action.group !== 'Compare' || !isCompareDisabled(viewer.schema);
}

export function actionNamed(name: string): Action {
  const found = actions.find((action) => action.name === name);
  if (!found) throw new RangeError(`no action ${name}`);
  return found;
}

/** The characters of keys that have plus and minus with or without Shift, by the layout. */
const SAME_KEY: Readonly<Record<string, string>> = { '=': '+', _: '-' };

/** Perform the action of a key press. Returns whether there is one. */
export function performShortcut(event: KeyboardEvent, session: Session): boolean {
  const mod = event.ctrlKey || event.metaKey;
  if (event.altKey) return false;
  const typed = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const key = mod ? typed : (SAME_KEY[typed] ?? typed);
  const pressed = mod ? `Mod+${event.shiftKey ? 'Shift+' : ''}${key}` : key;
  const meant = pressed === 'Mod+y' ? 'Mod+Shift+z' : pressed;
  if (!mod && isTyping(event.target)) return false;
  // WCAG 2.1.4: keys of one character can be turned off.
  if (!mod && key.length === 1 && !preferences.choices.letterKeys) return false;
  // A shortcut may have several actions: the first enabled one is performed.
  const action = actions.find((candidate) => candidate.shortcut === meant && (candidate.enabled?.(session) ?? true));
  if (!action) return false;
  if (action.opensField) typeAhead(action.opensField);
  action.perform(session);
  return true;
}

/** Elements that take keys as text or for an open list. */
const TYPING =
  'input:not([type=checkbox], [type=range], [type=radio]), textarea, select, [aria-expanded=true][role=combobox], [role=listbox]';

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest(TYPING) !== null;
}
