/** The JSON of the HTTP interface. `contract.ts` is generated from the server's structs: `make types`. */
import type { DiffexpResult as ComparedGroups, ByCategoryResult as ComparedInCategories, Gene, Job } from './contract';

export type {
  ByCategoryRequest,
  CategoryResult,
  Cell,
  CellMatch,
  CompositionRequest,
  CompositionResult,
  DesignOfSamples,
  DesignRequest,
  DiffexpGene,
  DiffexpRequest,
  Distribution as Spread,
  EmbeddingInfo,
  EnrichedSet,
  EnrichmentChoices,
  EnrichmentResult,
  FoldChangeInfo,
  FoundCell,
  Gene,
  GeneMatches,
  Health,
  ImageInfo,
  Job,
  MarkerGroup as GroupMarkers,
  MarkersRequest,
  MarkersResult,
  MatrixInfo,
  MeansTable,
  MethodInfo,
  ObsColumn,
  PagaGraph,
  PseudobulkRequest,
  PseudobulkTable,
  RankedGene,
  RankedGenesInfo,
  RankedGenesTable,
  SampleColumnInfo,
  SampleColumns,
  Schema,
  Selection,
  SlideInfo,
  StoredContents,
  Summary,
  VelocityGrid,
} from './contract';

/** What the values of a matrix are: logarithms, counts, other amounts, or scaled, of either sign and without fold change. */
export type Scale = ComparedGroups['scale'];

/** The fields that a saved comparison lacks: no job holds more genes, and an older one does not say all of its making. */
type Unsaved = 'job_id' | 'warnings' | 'n_tested' | 'min_fraction' | 'fold_change' | 'log_base';

export type DiffexpResult = Omit<ComparedGroups, Unsaved> & Partial<Pick<ComparedGroups, Unsaved>>;

/** A comparison within each category; a saved one lacks the job. */
export type ByCategoryResult = Omit<ComparedInCategories, 'job_id'> & Partial<Pick<ComparedInCategories, 'job_id'>>;

/** The genes of a list of names, and the names that no gene has. */
export interface GenesNamed {
  readonly genes: readonly Gene[];
  readonly missing: readonly string[];
}

/** The answer to a request that takes time: a job that is not done, or the result. */
export interface JobAnswer<T> {
  readonly job: Job | null;
  readonly result: T | null;
}
