/** An action of the page, and when it is enabled. */

import type { Session } from '../state/session';
import { canCompare, isFiltered } from '../state/view/view';
import type { IconName } from '../ui/icons';

export interface Action {
  readonly name: string;
  readonly label: string;
  /** Other words by which it is searched. */
  readonly words?: string;
  readonly group: 'Plot' | 'Cells' | 'Annotations' | 'Genes' | 'Compare' | 'Page';
  /** A `KeyboardEvent.key`, with `Mod+` for Ctrl or Command. */
  readonly shortcut?: string;
  readonly icon: IconName;
  /** Left out of lists of commands, where a similar action represents it. */
  readonly silent?: boolean;
  /** The id of the field that it opens: what is typed before the field is there is its text. */
  readonly opensField?: string;
  readonly enabled?: (session: Session) => boolean;
  readonly perform: (session: Session) => void;
}

export const hasPlot = ({ viewer }: Session) => viewer.view.embedding !== null;
export const hasSelection = ({ viewer, curation }: Session) =>
  curation.canEdit && isFiltered(viewer.view) && viewer.selection.size > 0;
export const hasGenes = ({ viewer }: Session) => viewer.view.matrix !== null;
export const canCompareHere = (session: Session) => hasGenes(session) && canCompare(session.viewer.schema);
