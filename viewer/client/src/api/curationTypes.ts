/** The JSON of what users make: annotations, gene sets and saved items. */
import type { SavedItem as SavedItemInfo } from './contract';

export type {
  Agreement,
  Annotation as AnnotationInfo,
  AnnotationEdit,
  AnnotationSaved,
  AnnotationsImported,
  AnnotationsImportQuery,
  AnnotationsPreview,
  AnnotationsPreviewQuery,
  Change,
  ExportedFile,
  GeneSet as GeneSetInfo,
  GeneSetEdit,
  GeneSetSaved,
  GeneSetsImported,
  Idle,
  Label as LabelInfo,
  LabelEdit,
  PastRevision as Revision,
  SessionImported,
  TableColumn,
  Term,
} from './contract';

/** A saved item of a list, or one that is being saved. */
export type SavedItem = Pick<SavedItemInfo, 'name' | 'revision' | 'time' | 'bytes' | 'thumbnail'>;

export type SavedItemKind = 'views' | 'results' | 'figures';

/** A thing in an answer: its name, or an entry as lists have it. */
export type Named = string | { readonly name: string };
