/** One thing the page can do, and when. */

import type { Session } from '../state/session';
import { canCompare, isFiltered } from '../state/view/view';
import type { IconName } from '../ui/icons';

export interface Action {
  readonly name: string;
  readonly label: string;
  readonly group: 'Plot' | 'Cells' | 'Annotations' | 'Genes' | 'Compare' | 'Page';
  /** As `KeyboardEvent.key` has it, with `Mod+` for Ctrl or Command. */
  readonly shortcut?: string;
  readonly icon: IconName;
  /** Keys alone perform it: one of its kind stands for it where commands are listed. */
  readonly silent?: boolean;
  readonly enabled?: (session: Session) => boolean;
  readonly perform: (session: Session) => void;
}

export const hasPlot = ({ viewer }: Session) => viewer.view.embedding !== null;
export const hasSelection = ({ viewer, curation }: Session) =>
  curation.canEdit && isFiltered(viewer.view) && viewer.selection.size > 0;
export const hasGenes = ({ viewer }: Session) => viewer.view.matrix !== null;
export const canCompareHere = (session: Session) => hasGenes(session) && canCompare(session.viewer.schema);
