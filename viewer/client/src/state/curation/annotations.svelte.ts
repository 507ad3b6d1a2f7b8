/** The user's annotations. A change is on the page at once and is then sent to the server. */
import type { AnnotationRestored, Resolve } from '../../api/contract';
import type { CurationApi } from '../../api/curation';
import type { AnnotationInfo, AnnotationSaved, LabelInfo } from '../../api/curationTypes';
import { ApiError } from '../../api/error';
import { count } from '../../ui/format';
import { cellsOf, selectionOf } from '../fields/cells';
import type { CategoryData, FieldData } from '../fields/field';
import { columnId } from '../fields/groupings.svelte';
import { hasSameLevels } from '../fields/levels';
import { MISSING } from '../view/fieldFilter';
import { annotationKey, obsKey } from '../view/fieldRef';
import { type View, withoutFilters } from '../view/view';
import type { Viewer } from '../viewer/viewer.svelte';
import {
  type Annotation,
  annotationFrom,
  annotationOf,
  type Codes,
  colorsOf,
  type Edited,
  editable,
  fieldOf,
  moves,
  newLabelId,
  nextColor,
  positions,
  rebased,
  requested,
  sameAnnotation,
  sameCells,
  UNLABELLED,
  withCells,
  withEdit,
  withEditedCodes,
} from './annotation';
import type { NamedLabel } from './categoryNames';
import { withAnnotationMoved, withColumnMoved } from './movedFields';
import type { Saving } from './saving.svelte';
import { newStateNumber } from './snapshots';
import {
  type Done,
  type Known,
  type Listed,
  type Synced,
  SyncedCollection,
  type SyncedKind,
  seenOf,
} from './syncedCollection.svelte';

/** The limit of memory for the codes of past states, in bytes; beyond it they are requested again for an undo. */
const CODES_BYTES = 96 * 1024 * 1024;

export type OwnAnnotation = Synced<Annotation>;

export class Annotations implements SyncedKind<Annotation> {
  readonly kind = 'annotation';
  readonly items: SyncedCollection<Annotation>;
  /** The id of the annotation whose labels are assigned by keys and by the button of the selection. */
  private chosen = $state<string | null>(null);
  /** The id of the version of a column that was made last in this page. */
  newVersion = $state<string | null>(null);
  private readonly codes = new Map<number, Codes>();
  private readonly reading = new Map<number, Promise<Codes>>();

  constructor(
    private readonly viewer: Viewer,
    private readonly saving: Saving,
    private readonly api: CurationApi,
  ) {
    this.items = new SyncedCollection(viewer, saving, this);
  }

  get list(): readonly OwnAnnotation[] {
    return this.items.list;
  }

  get(id: string): OwnAnnotation | null {
    return this.items.get(id);
  }

  named(name: string): OwnAnnotation | null {
    return this.items.named(name);
  }

  /** Fetch the annotations. Until then the requests for their values wait. */
  async open(): Promise<void> {
    try {
      await this.items.refresh();
    } finally {
      this.viewer.fields.readAnnotationsWith((key) => this.field(key));
    }
  }

  /** The id of the annotation that was edited last in this page. */
  get used(): string | null {
    return this.chosen;
  }

  get active(): OwnAnnotation | null {
    const made = this.list.filter(({ value }) => !this.viewer.groupings.isColumn(value.name));
    return this.list.find((annotation) => annotation.id === this.chosen) ?? made.at(-1) ?? null;
  }

  activate(id: string): void {
    this.chosen = id;
  }

  // Changes

  /** Create an annotation: empty, or a copy of a column (`obs:NAME`) or annotation (`annotation:NAME`). */
  async create(name: string, from: string | null): Promise<OwnAnnotation | null> {
    const start = from === null ? this.empty(name) : annotationFrom(name, await this.startFrom(from));
    return this.make(start.annotation, start.codes, `annotation “${name}”`, async (known, attempt) =>
      this.done(
        await this.insist(attempt, name, () =>
          this.api.putAnnotation(name, from === null ? { labels: [] } : { from }, known?.revision ?? null),
        ),
      ),
    );
  }

  /** Create an annotation whose labels are made of the categories of a column or the labels of an annotation. */
  async createNamed(name: string, from: string, labels: readonly NamedLabel[]): Promise<void> {
    const start = annotationFrom(name, await this.startFrom(from));
    const edited = labels.map(({ name: called, of }) => ({
      name: called,
      color: start.annotation.labels[of[0] ?? MISSING]?.color ?? '',
      note: '',
      was: of,
    }));
    const made = withEdit(start.annotation, edited, name);
    const codes = withEditedCodes(start.codes, moves(start.annotation, edited));
    const entries = requested(start.annotation, edited, this.idOf);
    this.make(made, codes, `annotation “${name}”`, async (known, attempt) =>
      this.done(
        await this.insist(attempt, name, () =>
          this.api.putAnnotation(name, { from, labels: entries }, known?.revision ?? null),
        ),
      ),
    );
  }

  /** Return the annotation that a column starts as once the user edits its categories, with the colours of the page. */
  async startOfVersion(column: string): Promise<{ annotation: Annotation; codes: Codes }> {
    const start = annotationFrom(column, await this.startFrom(obsKey(column)));
    const colors = colorsOf(start.annotation.labels);
    const labels = start.annotation.labels.map((label, k) => ({ ...label, color: colors[k] as string }));
    return { ...start, annotation: { ...start.annotation, labels } };
  }

  /**
   * Create the user's version of a column of the file: an annotation of the same name, which takes its place on the page.
   *
   * @param edited - its labels, made of the categories
   */
  async createVersion(column: string, edited: readonly Edited[], what: string): Promise<OwnAnnotation | null> {
    const start = await this.startOfVersion(column);
    if (this.named(column)) return null;
    const moved = moves(start.annotation, edited);
    const made = withEdit(start.annotation, edited, column);
    const entries = requested(start.annotation, edited, this.idOf);
    const request = { from: obsKey(column), labels: entries };
    return this.make(
      made,
      withEditedCodes(start.codes, moved),
      what,
      async (known, attempt) =>
        this.done(
          await this.insist(attempt, column, () => this.api.putAnnotation(column, request, known?.revision ?? null)),
        ),
      (view) => withColumnMoved(view, { obs: column }, { annotation: column }, moved),
    );
  }

  /** Create an annotation with one label, that of the selected cells, and with one of all other cells if it is given. */
  async createWith(name: string, label: string, others: string | null = null): Promise<void> {
    const cells = await this.selected();
    if (cells.length === 0) return;
    const { annotation, codes } = this.empty(name);
    const labels = [label, ...(others === null ? [] : [others])].map((called) => ({
      id: newLabelId(),
      name: called,
      color: '',
      note: '',
      n: 0,
    }));
    const colors = colorsOf(labels);
    const entries = labels.map(({ name: called }, k) => ({ name: called, color: colors[k] as string }));
    const bare = { ...annotation, labels: labels.map((one, k) => ({ ...one, color: colors[k] as string })) };
    const start =
      others === null ? { annotation: bare, codes } : withCells(bare, codes, cellsOf(null, this.viewer.n), 1);
    const filled = withCells(start.annotation, start.codes, cells, 0);
    const selection = selectionOf(cells);
    let made: AnnotationSaved | null = null;
    this.make(filled.annotation, filled.codes, describe(cells.length, label), async (_known, attempt) => {
      made ??= await this.insist(attempt, name, () => this.api.putAnnotation(name, { labels: entries }, null));
      if (others !== null) await this.api.assign(name, { label: others, selection: { not: selection } }, made.revision);
      return this.done(await this.api.assign(name, { label, selection }, made.revision));
    });
  }

  private make(
    annotation: Annotation,
    codes: Codes,
    what: string,
    request: (known: Known | null, attempt: number) => Promise<Done<Annotation>>,
    viewed: (view: View) => View = (view) => ({ ...view, color: { kind: 'annotation', annotation: annotation.name } }),
  ): OwnAnnotation | null {
    this.next = codes;
    const id = `annotation:${newStateNumber()}`;
    // Selected cells are not labelled in the user's version of a column unless it is chosen for that.
    if (this.viewer.groupings.isColumn(annotation.name)) this.newVersion = id;
    else this.chosen = id;
    return this.items.step(id, annotation, what, request, viewed);
  }

  /** Edit the labels of an annotation, or its name. */
  async edit(
    annotation: OwnAnnotation,
    edited: readonly Edited[],
    what: string,
    name = annotation.value.name,
  ): Promise<void> {
    const moved = moves(annotation.value, edited);
    const [before, after] = [annotation.value.labels, edited].map((labels) => labels.map((label) => label.name));
    const keepsLevels = hasSameLevels(before ?? [], after ?? []);
    const codes = await this.codesOf(annotation);
    const now = this.get(annotation.id);
    if (now?.number !== annotation.number) return;
    this.next = withEditedCodes(codes, moved);
    this.items.step(
      annotation.id,
      withEdit(annotation.value, edited, name),
      what,
      async (known, _attempt, resolution) => {
        const current = existing(known, annotation);
        const labels = requested(annotation.value, edited, this.idOf);
        const edit = { labels, ...(name === annotation.value.name ? {} : { name }), ...resolving(resolution) };
        return this.done(await this.api.putAnnotation(current.name, edit, seenOf(current)));
      },
      (view) => withAnnotationMoved(view, annotation.value.name, name, moved, keepsLevels),
    );
  }

  rename(annotation: OwnAnnotation, name: string): Promise<void> {
    return this.edit(annotation, editable(annotation.value), `annotation “${name}”`, name);
  }

  delete(annotation: OwnAnnotation): void {
    this.items.step(
      annotation.id,
      null,
      `“${annotation.value.name}” deleted`,
      (known, _attempt, resolution) => {
        if (!known) return Promise.resolve({ revision: 0 });
        return this.deleteItem(resolution ? { ...known, revision: resolution.revision, own: [] } : known);
      },
      (view) => this.withoutAnnotation(view, annotation.value.name),
    );
  }

  /** Assign a label to the selected cells, and create it if it does not exist; null removes their label. */
  async assign(annotation: OwnAnnotation, label: string | null): Promise<void> {
    const cells = await this.selected();
    const codes = await this.codesOf(annotation);
    const now = this.get(annotation.id);
    if (cells.length === 0 || now?.number !== annotation.number) return;
    this.chosen = annotation.id;
    const { value } = annotation;
    const at = label === null ? MISSING : value.labels.findIndex(({ name }) => name === label);
    const isNew = label !== null && at < 0;
    const added = isNew ? { id: newLabelId(), name: label, color: nextColor(value.labels), note: '', n: 0 } : null;
    const whole = added ? { ...value, labels: [...value.labels, added] } : value;
    const to = added ? whole.labels.length - 1 : at;
    const filled = withCells(whole, codes, cells, to);
    if (filled.n === 0 && !added) return;
    this.next = filled.codes;
    const selection = selectionOf(cells);
    const target = whole.labels[to];
    this.items.step(
      annotation.id,
      filled.annotation,
      describe(filled.n, label),
      async (known, _attempt, resolution) => {
        const current = existing(known, annotation);
        const id = target ? this.idOf(target) : MISSING;
        const assignment = {
          label,
          selection,
          ...(id >= 0 ? { label_id: id } : {}),
          ...(added ? { create: true, color: added.color } : {}),
          ...resolving(resolution),
        };
        return this.done(await this.api.assign(current.name, assignment, seenOf(current)));
      },
    );
  }

  /** Assign the n-th label of the active annotation to the selected cells; 0 removes their label. */
  assignNth(n: number): void {
    const annotation = this.active;
    const label = annotation?.value.labels[n - 1]?.name;
    if (!annotation || (n > 0 && label === undefined)) return;
    this.assign(annotation, label ?? null).catch((error: unknown) => this.viewer.fail(error));
  }

  /** Restore an annotation to a revision. */
  async restoreTo(annotation: OwnAnnotation, to: number): Promise<void> {
    await this.saving.drained();
    const known = this.items.knownOf(annotation.id);
    if (!known) return;
    const { annotation: info } = await this.api.restoreAnnotation(known.name, to, known.revision);
    // Deleted at that revision: the next look at the server's changes takes it away.
    if (!info) return;
    const after = annotationOf(info);
    this.items.step(
      annotation.id,
      after,
      `“${after.name}” as it was before`,
      () => Promise.resolve({ revision: info.revision, value: after, item: info.id }),
      (view) =>
        withAnnotationMoved(view, annotation.value.name, after.name, positions(annotation.value, after, this.idOf)),
    );
  }

  /** Select the unlabelled cells of an annotation. */
  selectUnlabelled(annotation: OwnAnnotation): void {
    const { viewer } = this;
    const only = { kind: 'category', mode: 'only', codes: [MISSING] } as const;
    viewer.commit({ ...withoutFilters(viewer.view), filters: { [annotationKey(annotation.value.name)]: only } });
  }

  // Codes

  /** The codes of the next state that `follow` is called with. */
  private next: Codes | null = null;

  follow(before: OwnAnnotation | null, after: OwnAnnotation | null, adopted: boolean): void {
    const { next } = this;
    this.next = null;
    if (!after) return;
    const kept = !adopted && before ? this.codes.get(before.number) : null;
    if (next) this.keep(after.number, next);
    else if (kept && before && sameCells(before.value, after.value)) this.keep(after.number, kept);
    const key = annotationKey(after.value.name);
    const codes = this.codes.get(after.number);
    if (codes) this.viewer.fields.provide(key, fieldOf(after.value, codes));
    else if (before && this.viewer.fields.loaded.has(annotationKey(before.value.name))) {
      this.codesOf(after)
        .then((found) => {
          if (this.get(after.id)?.number === after.number) this.viewer.fields.provide(key, fieldOf(after.value, found));
        })
        .catch((error: unknown) => this.viewer.fail(error));
    }
  }

  settle(before: OwnAnnotation | null, after: OwnAnnotation | null): void {
    if (before?.value.name === after?.value.name) return;
    const { viewer } = this;
    if (after && viewer.groupings.isColumn(after.value.name)) this.showVersion(after.value.name);
    if (!before) return;
    const { name } = before.value;
    const to = after?.value.name ?? null;
    // The colours and filters of a renamed or deleted annotation are removed.
    const view: View =
      to === null ? this.withoutAnnotation(viewer.view, name) : withAnnotationMoved(viewer.view, name, to, null);
    if (view !== viewer.view) viewer.timeline.amend(view);
    const column = viewer.groupings.isColumn(name) ? columnId(name) : null;
    viewer.groupings.replace(annotationKey(name), to === null ? column : annotationKey(to));
    viewer.fields.provide(annotationKey(name), null);
  }

  /** Show the user's version of a column in its place. The filters of the column stay: their codes are those of the file. */
  private showVersion(column: string): void {
    const { viewer } = this;
    const { filters } = viewer.view;
    const view = { ...withColumnMoved(viewer.view, { obs: column }, { annotation: column }, null), filters };
    if (view.color !== viewer.view.color || view.panes !== viewer.view.panes || view.gallery !== viewer.view.gallery) {
      viewer.timeline.amend(view);
    }
    viewer.groupings.replace(columnId(column), annotationKey(column));
  }

  /** Return a view without an annotation: with the column of the file in its place if it was the user's version of one. */
  private withoutAnnotation(view: View, name: string): View {
    const isVersion = this.viewer.groupings.isColumn(name);
    const bare = { ...view, filters: withAnnotationMoved(view, name, null, null).filters };
    return isVersion
      ? withColumnMoved(bare, { annotation: name }, { obs: name }, null)
      : withAnnotationMoved(view, name, null, null);
  }

  private keep(number: number, codes: Codes): void {
    this.codes.delete(number);
    this.codes.set(number, codes);
    const current = new Set(this.list.map((annotation) => annotation.number));
    let bytes = 0;
    for (const one of new Set(this.codes.values())) bytes += one.byteLength;
    for (const [old, one] of this.codes) {
      if (bytes <= CODES_BYTES) return;
      if (current.has(old)) continue;
      this.codes.delete(old);
      bytes -= one.byteLength;
    }
  }

  /** Return the codes of an annotation. */
  codesOf(annotation: OwnAnnotation): Promise<Codes> {
    const kept = this.codes.get(annotation.number);
    if (kept) return Promise.resolve(kept);
    let reading = this.reading.get(annotation.number);
    if (!reading) {
      reading = this.readCodes(annotation).finally(() => this.reading.delete(annotation.number));
      this.reading.set(annotation.number, reading);
    }
    return reading;
  }

  private async readCodes(annotation: OwnAnnotation): Promise<Codes> {
    await this.saving.drained();
    const column = await this.api.codes(this.items.knownOf(annotation.id)?.name ?? annotation.value.name);
    if (column.layout !== 'dense')
      throw new ApiError('client', 'The answer has no codes of the annotation.', 'Reload the page.');
    const codes = Int16Array.from(column.dense() as ArrayLike<number>);
    // The labels of the answer may be in another order, if the annotation was changed meanwhile.
    const places = (column.categories ?? []).map((name) =>
      annotation.value.labels.findIndex((one) => one.name === name),
    );
    const ordered = codes.map((code) => (code < 0 ? MISSING : (places[code] ?? MISSING)));
    if (!places.includes(-1)) this.keep(annotation.number, ordered);
    // Another label: the annotation was changed elsewhere, and is adopted with its codes.
    else void this.items.refresh().catch((error: unknown) => this.viewer.fail(error));
    return ordered;
  }

  private async field(key: string): Promise<FieldData> {
    const annotation = this.list.find(({ value }) => annotationKey(value.name) === key);
    if (!annotation)
      throw new ApiError(
        'no_annotation',
        'This annotation does not exist any more.',
        'Colour the cells by another column.',
      );
    return fieldOf(annotation.value, await this.codesOf(annotation));
  }

  private async startFrom(from: string): Promise<CategoryData> {
    const field = await this.viewer.fields.load(from.startsWith('obs:') ? obsKey(from.slice(4)) : from);
    if (field.kind === 'category') return field;
    throw new ApiError('client', `“${field.title}” has no categories to start from.`, 'Choose another column.');
  }

  private empty(name: string): { annotation: Annotation; codes: Codes } {
    const { n } = this.viewer;
    return { annotation: { name, labels: [], nUnlabelled: n }, codes: new Int16Array(n).fill(MISSING) };
  }

  private async selected(): Promise<Uint32Array> {
    return cellsOf(await this.viewer.selection.settledMask(), this.viewer.n);
  }

  // Requests

  async fetchAll(): Promise<readonly Listed<Annotation>[]> {
    const { annotations } = await this.api.annotations();
    return annotations.map((info) => ({
      name: info.name,
      revision: info.revision,
      item: info.id,
      value: annotationOf(info),
    }));
  }

  same(one: Annotation, other: Annotation): boolean {
    return sameAnnotation(one, other);
  }

  async restoreItem(value: Annotation, known: Known | null, to: number): Promise<Done<Annotation>> {
    return this.done(await this.api.restoreAnnotation(known?.name ?? value.name, to, known?.revision ?? null));
  }

  async revertItem(name: string, change: number, resolution: Resolve | null): Promise<Done<Annotation>> {
    return this.done(await this.api.revertAnnotation(name, { revision: change, ...resolving(resolution) }));
  }

  async deleteItem(known: Known): Promise<Done<Annotation>> {
    return this.api.remove('annotations', known.name, seenOf(known));
  }

  rebased(base: Annotation, mine: Annotation, theirs: Annotation): Annotation {
    return rebased(base, mine, theirs, this.idOf);
  }

  moveView(view: View, before: Annotation, after: Annotation): View {
    return withAnnotationMoved(view, before.name, after.name, positions(before, after, this.idOf));
  }

  learn(sent: Annotation, answer: Annotation): void {
    const found = new Map(answer.labels.map(({ name, id }) => [name, id]));
    for (const { id, name } of sent.labels) {
      const known = found.get(name);
      if (id < 0 && known !== undefined) this.ids.set(id, known);
    }
  }

  /** The ids of the server by those that the page gave to new labels. */
  private readonly ids = new Map<number, number>();

  private readonly idOf = ({ id }: LabelInfo): number => this.ids.get(id) ?? id;

  private done({ revision, annotation, merged, changed }: AnnotationSaved | AnnotationRestored): Done<Annotation> {
    if (!annotation) return { revision, changed };
    return { revision, value: annotationOf(annotation), item: annotation.id, merged, changed };
  }

  /** Send a request again whose answer was lost. If the first attempt was successful, its result is returned. */
  private async insist(
    attempt: number,
    name: string,
    request: () => Promise<AnnotationSaved>,
  ): Promise<AnnotationSaved> {
    try {
      return await request();
    } catch (error) {
      const current =
        error instanceof ApiError && error.status === 412 ? (error.body.current as AnnotationInfo | null) : null;
      if (attempt > 1 && current?.name === name) {
        const { revision } = current;
        return { revision, annotation: current, merged: false, changed: true };
      }
      throw error;
    }
  }
}

function describe(n: number, label: string | null): string {
  return `${count(n)} ${n === 1 ? 'cell' : 'cells'}: ${label ?? UNLABELLED}`;
}

function resolving(resolution: Resolve | null): { resolve?: Resolve } {
  return resolution ? { resolve: resolution } : {};
}

function existing(known: Known | null, annotation: OwnAnnotation): Known {
  if (!known)
    throw new ApiError('no_annotation', `The annotation “${annotation.value.name}” is not on the server.`, '', 404);
  return known;
}
