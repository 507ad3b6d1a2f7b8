import type { Session } from '../state/session';

/** The view of the dataset and the choices in the drawer: all that a plot reads of the page. */
export type Page = Pick<Session, 'viewer' | 'plots'>;
