/** What one open dataset is to the page, part by part. */
import type { Compare } from './compare/compare.svelte';
import type { Enrichments } from './compare/enrichment.svelte';
import type { Markers } from './compare/markers.svelte';
import type { Curation } from './curation/curation.svelte';
import type { GeneSets } from './curation/geneSets.svelte';
import type { Page } from './page/page.svelte';
import type { Plots } from './plots/plots.svelte';
import type { Server } from './viewer/server.svelte';
import type { Sharing } from './viewer/sharing.svelte';
import type { Viewer } from './viewer/viewer.svelte';

export interface Session {
  readonly viewer: Viewer;
  readonly compare: Compare;
  readonly enrichments: Enrichments;
  readonly markers: Markers;
  readonly plots: Plots;
  readonly geneSets: GeneSets;
  readonly page: Page;
  readonly server: Server;
  readonly sharing: Sharing;
  readonly curation: Curation;
}
