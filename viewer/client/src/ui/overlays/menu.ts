import type { IconName } from '../icons';

/** One thing a menu offers. */
export interface MenuItem {
  readonly label: string;
  readonly icon: IconName;
  readonly detail?: string;
  readonly danger?: boolean;
  readonly disabled?: boolean;
  readonly perform: () => void;
}
