/** Everything the page can do, as data: buttons, shortcuts, the command palette and the help dialog come from here. */

import type { Session } from '../state/session';
import { isCompareOff } from '../state/view/view';
import type { Action } from './action';
import { CELL_ACTIONS } from './cellActions';
import { PAGE_ACTIONS } from './pageActions';
import { PLOT_ACTIONS } from './plotActions';

export const actions: readonly Action[] = [...PLOT_ACTIONS, ...CELL_ACTIONS, ...PAGE_ACTIONS];

/** Whether an action is there at all: not where its kind is switched off on this server. */
export function isOffered(action: Action, { viewer }: Session): boolean {
  return action.group !== 'Compare' || !isCompareOff(viewer.schema);
}

export function actionNamed(name: string): Action {
  const found = actions.find((action) => action.name === name);
  if (!found) throw new RangeError(`no action ${name}`);
  return found;
}

/** Perform the action a key press means. False where it means none. */
export function performShortcut(event: KeyboardEvent, session: Session): boolean {
  const mod = event.ctrlKey || event.metaKey;
  if (event.altKey) return false;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const pressed = mod ? `Mod+${event.shiftKey ? 'Shift+' : ''}${key}` : key;
  const meant = pressed === 'Mod+y' ? 'Mod+Shift+z' : pressed;
  if (!mod && isTyping(event.target)) return false;
  // A key may mean one thing where cells are to be labelled and another elsewhere: the first that can be done counts.
  const action = actions.find((candidate) => candidate.shortcut === meant && (candidate.enabled?.(session) ?? true));
  if (!action) return false;
  action.perform(session);
  return true;
}

/** Where keys are text, or belong to a list that is open. */
const TYPING =
  'input:not([type=checkbox], [type=range], [type=radio]), textarea, select, [aria-expanded=true][role=combobox], [role=listbox]';

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest(TYPING) !== null;
}
