/** What one open dataset is to the page, part by part. */
import type { Compare } from './compare.svelte';
import type { Curation } from './curation.svelte';
import type { GeneSets } from './genesets.svelte';
import type { Markers } from './markers.svelte';
import type { Page } from './page.svelte';
import type { Plots } from './plots.svelte';
import type { Server } from './server.svelte';
import type { Sharing } from './sharing.svelte';
import type { Viewer } from './viewer.svelte';

export interface Session {
  readonly viewer: Viewer;
  readonly compare: Compare;
  readonly markers: Markers;
  readonly plots: Plots;
  readonly geneSets: GeneSets;
  readonly page: Page;
  readonly server: Server;
  readonly sharing: Sharing;
  readonly curation: Curation;
}
