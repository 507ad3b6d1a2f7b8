/** The user's labels: made, filled and edited here at once, saved right after. */
import type { CurationApi } from '../../api/curation';
import type { LabelAnswer, LabelInfo } from '../../api/curationTypes';
import { ApiError } from '../../api/error';
import { count } from '../../ui/format';
import { cellsOf, selectionOf } from '../fields/cells';
import type { CategoryData, FieldData } from '../fields/field';
import { MISSING } from '../view/fieldFilter';
import { labelKey, obsKey } from '../view/fieldRef';
import { type View, withoutFilters } from '../view/view';
import type { Viewer } from '../viewer/viewer.svelte';
import {
  type Codes,
  type Edited,
  editable,
  fieldOf,
  type Label,
  labelFrom,
  labelOf,
  moves,
  nextColor,
  requested,
  sameCells,
  sameLabel,
  UNLABELLED,
  withCells,
  withEdit,
  withEditedCodes,
  withLabelMoved,
} from './annotation';
import type { Saving } from './saving.svelte';
import { newNumber } from './snapshots';
import { type Done, type Known, type Listed, type Thing, Things } from './syncedCollection.svelte';

/** Bytes of codes kept for steps back; older ones are asked for again. */
const CODES_BYTES = 96 * 1024 * 1024;

export type OwnLabel = Thing<Label>;

export class Labels extends Things<Label> {
  /** The label that keys and the selection's button label with. */
  private chosen = $state<string | null>(null);
  private readonly codes = new Map<number, Codes>();
  private readonly reading = new Map<number, Promise<Codes>>();

  constructor(
    viewer: Viewer,
    saving: Saving,
    private readonly api: CurationApi,
  ) {
    super(viewer, saving, 'label');
  }

  /** Have the labels from the server; columns of theirs that are asked for wait until then. */
  async open(): Promise<void> {
    try {
      await this.refresh();
    } finally {
      this.viewer.readLabelsWith((key) => this.field(key));
    }
  }

  /** The label that was worked with last in this page. */
  get used(): string | null {
    return this.chosen;
  }

  get active(): OwnLabel | null {
    return this.list.find((label) => label.id === this.chosen) ?? this.list.at(-1) ?? null;
  }

  activate(id: string): void {
    this.chosen = id;
  }

  // What the user does

  /** Make a label, empty or from a column (`obs:NAME`) or a label (`annotation:NAME`). */
  async create(name: string, from: string | null): Promise<OwnLabel | null> {
    const start = from === null ? this.empty(name) : labelFrom(name, await this.categories(from));
    return this.make(start.label, start.codes, `label “${name}”`, async (known, attempt) =>
      this.done(
        await this.insist(attempt, name, () =>
          this.api.putLabel(name, from === null ? { labels: [] } : { from }, known?.revision ?? null),
        ),
      ),
    );
  }

  /** Make a label of one category with the selected cells. */
  async createWith(name: string, category: string): Promise<void> {
    const cells = await this.selected();
    if (cells.length === 0) return;
    const { label, codes } = this.empty(name);
    const first = { name: category, color: nextColor([]), note: '', n: 0 };
    const filled = withCells({ ...label, categories: [first] }, codes, cells, 0);
    const selection = selectionOf(cells);
    let made: LabelAnswer | null = null;
    this.make(filled.label, filled.codes, told(filled.n, category), async (_known, attempt) => {
      const { n: _n, ...entry } = first;
      made ??= await this.insist(attempt, name, () => this.api.putLabel(name, { labels: [entry] }, null));
      return this.done(await this.api.assign(name, category, selection, made.revision));
    });
  }

  private make(
    label: Label,
    codes: Codes,
    what: string,
    request: (known: Known | null, attempt: number) => Promise<Done<Label>>,
  ): OwnLabel | null {
    this.next = codes;
    const id = `label:${newNumber()}`;
    this.chosen = id;
    return this.step(id, label, what, request, (view) => ({ ...view, color: { kind: 'label', label: label.name } }));
  }

  /** Change categories, or the name. */
  async edit(label: OwnLabel, edited: readonly Edited[], what: string, name = label.value.name): Promise<void> {
    const moved = moves(label.value, edited);
    const codes = await this.codesOf(label);
    const now = this.get(label.id);
    if (now?.number !== label.number) return;
    this.next = withEditedCodes(codes, moved);
    const labels = requested(label.value, edited);
    this.step(
      label.id,
      withEdit(label.value, edited, name),
      what,
      async (known) => {
        const { name: called, revision } = existing(known, label);
        const edit = called === name ? { labels } : { labels, name };
        return this.done(await this.api.putLabel(called, edit, revision));
      },
      (view) => withLabelMoved(view, label.value.name, name, moved),
    );
  }

  rename(label: OwnLabel, name: string): Promise<void> {
    return this.edit(label, editable(label.value), `label “${name}”`, name);
  }

  delete(label: OwnLabel): void {
    this.step(
      label.id,
      null,
      `“${label.value.name}” deleted`,
      (known) => (known ? this.erase(known) : Promise.resolve({ revision: 0 })),
      (view) => withLabelMoved(view, label.value.name, null, null),
    );
  }

  /** Put the selected cells into a category, which is made where there is none of the name; with null into none. */
  async assign(label: OwnLabel, category: string | null): Promise<void> {
    const cells = await this.selected();
    const codes = await this.codesOf(label);
    const now = this.get(label.id);
    if (cells.length === 0 || now?.number !== label.number) return;
    this.chosen = label.id;
    const { value } = label;
    const at = category === null ? MISSING : value.categories.findIndex(({ name }) => name === category);
    const isNew = category !== null && at < 0;
    const added = isNew ? { name: category, color: nextColor(value.categories), note: '', n: 0 } : null;
    const whole = added ? { ...value, categories: [...value.categories, added] } : value;
    const to = added ? whole.categories.length - 1 : at;
    const filled = withCells(whole, codes, cells, to);
    if (filled.n === 0 && !added) return;
    this.next = filled.codes;
    const selection = selectionOf(cells);
    let grown: number | null = null;
    this.step(label.id, filled.label, told(filled.n, category), async (known) => {
      const { name, revision } = existing(known, label);
      if (added) {
        const { n: _n, ...entry } = added;
        const labels = [...requested(value, editable(value)), entry];
        grown ??= (await this.api.putLabel(name, { labels }, revision)).revision;
      }
      return this.done(await this.api.assign(name, category, selection, grown ?? revision));
    });
  }

  /** Put the selected cells into the n-th category of the active label; with 0 into none. */
  assignNth(n: number): void {
    const label = this.active;
    const category = label?.value.categories[n - 1]?.name;
    if (!label || (n > 0 && category === undefined)) return;
    this.assign(label, category ?? null).catch((error: unknown) => this.viewer.fail(error));
  }

  /** Bring a label back to what it was at a revision. */
  async restoreTo(label: OwnLabel, to: number): Promise<void> {
    await this.saving.drained();
    const known = this.known.get(label.id);
    if (!known) return;
    const { annotation: info } = await this.api.restoreLabel(known.name, to, known.revision);
    const after = labelOf(info);
    this.step(
      label.id,
      after,
      `“${after.name}” as it was before`,
      () => Promise.resolve({ revision: info.revision, value: after }),
      (view) => withLabelMoved(view, label.value.name, after.name, positions(label.value, after)),
    );
  }

  /** Select the cells that a label leaves out. */
  selectUnlabelled(label: OwnLabel): void {
    const { viewer } = this;
    const only = { kind: 'category', mode: 'only', codes: [MISSING] } as const;
    viewer.commit({ ...withoutFilters(viewer.view), filters: { [labelKey(label.value.name)]: only } });
  }

  // Codes

  /** The codes of the state that is placed next. */
  private next: Codes | null = null;

  protected override follow(before: OwnLabel | null, after: OwnLabel | null): void {
    const { next } = this;
    this.next = null;
    if (!after) return;
    const kept = before && this.codes.get(before.number);
    if (next) this.keep(after.number, next);
    else if (kept && before && sameCells(before.value, after.value)) this.keep(after.number, kept);
    const key = labelKey(after.value.name);
    const codes = this.codes.get(after.number);
    if (codes) this.viewer.provide(key, fieldOf(after.value, codes));
    else if (before && this.viewer.fields.has(labelKey(before.value.name))) {
      this.codesOf(after)
        .then((found) => {
          if (this.get(after.id)?.number === after.number) this.viewer.provide(key, fieldOf(after.value, found));
        })
        .catch((error: unknown) => this.viewer.fail(error));
    }
  }

  protected override settle(before: OwnLabel | null, after: OwnLabel | null): void {
    if (!before || before.value.name === after?.value.name) return;
    const { viewer } = this;
    const { name } = before.value;
    // A label that went elsewhere leaves its colours and filters behind.
    const view: View = withLabelMoved(viewer.view, name, after?.value.name ?? null, null);
    if (view !== viewer.view) viewer.amend(view);
    viewer.provide(labelKey(name), null);
  }

  private keep(number: number, codes: Codes): void {
    this.codes.delete(number);
    this.codes.set(number, codes);
    const current = new Set(this.list.map((label) => label.number));
    let bytes = 0;
    for (const one of new Set(this.codes.values())) bytes += one.byteLength;
    for (const [old, one] of this.codes) {
      if (bytes <= CODES_BYTES) return;
      if (current.has(old)) continue;
      this.codes.delete(old);
      bytes -= one.byteLength;
    }
  }

  /** The category of each cell. */
  codesOf(label: OwnLabel): Promise<Codes> {
    const kept = this.codes.get(label.number);
    if (kept) return Promise.resolve(kept);
    let reading = this.reading.get(label.number);
    if (!reading) {
      reading = this.readCodes(label).finally(() => this.reading.delete(label.number));
      this.reading.set(label.number, reading);
    }
    return reading;
  }

  private async readCodes(label: OwnLabel): Promise<Codes> {
    await this.saving.drained();
    const column = await this.api.codes(this.known.get(label.id)?.name ?? label.value.name);
    if (column.layout !== 'dense')
      throw new ApiError('client', 'The label came without its codes.', 'Reload the page.');
    const codes = Int16Array.from(column.dense() as ArrayLike<number>);
    // Codes count in the order of the answer, which is that of the label unless it has changed meanwhile.
    const places = (column.categories ?? []).map((name) =>
      label.value.categories.findIndex((one) => one.name === name),
    );
    const ordered = codes.map((code) => (code < 0 ? MISSING : (places[code] ?? MISSING)));
    this.keep(label.number, ordered);
    return ordered;
  }

  private async field(key: string): Promise<FieldData> {
    const label = this.list.find(({ value }) => labelKey(value.name) === key);
    if (!label) throw new ApiError('no_label', 'There is no such label any more.', 'Colour by something else.');
    return fieldOf(label.value, await this.codesOf(label));
  }

  private async categories(from: string): Promise<CategoryData> {
    const field = await this.viewer.load(from.startsWith('obs:') ? obsKey(from.slice(4)) : from);
    if (field.kind === 'category') return field;
    throw new ApiError('client', `“${field.title}” has no categories to start from.`, 'Choose another column.');
  }

  private empty(name: string): { label: Label; codes: Codes } {
    const { n } = this.viewer;
    return { label: { name, categories: [], nUnlabelled: n }, codes: new Int16Array(n).fill(MISSING) };
  }

  private async selected(): Promise<Uint32Array> {
    return cellsOf(await this.viewer.settledMask(), this.viewer.n);
  }

  // The server

  protected override async fetchAll(): Promise<readonly Listed<Label>[]> {
    const { annotations } = await this.api.labels();
    return annotations.map((info) => ({ name: info.name, revision: info.revision, value: labelOf(info) }));
  }

  protected override same(one: Label, other: Label): boolean {
    return sameLabel(one, other);
  }

  protected override async restore(value: Label, known: Known | null, to: number): Promise<Done<Label>> {
    return this.done(await this.api.restoreLabel(known?.name ?? value.name, to, known?.revision ?? null));
  }

  protected override async erase({ name, revision }: Known): Promise<Done<Label>> {
    return this.api.remove('annotations', name, revision);
  }

  private done({ revision, annotation }: LabelAnswer): Done<Label> {
    return { revision, value: labelOf(annotation) };
  }

  /** A request that may have gone through although its answer was lost: then what stands is its answer. */
  private async insist(attempt: number, name: string, request: () => Promise<LabelAnswer>): Promise<LabelAnswer> {
    try {
      return await request();
    } catch (error) {
      const current =
        error instanceof ApiError && error.status === 412 ? (error.body.current as LabelInfo | null) : null;
      if (attempt > 1 && current?.name === name) return { revision: current.revision, annotation: current };
      throw error;
    }
  }
}

function told(n: number, category: string | null): string {
  return `${count(n)} ${n === 1 ? 'cell' : 'cells'}: ${category ?? UNLABELLED}`;
}

/** For each category before, its place after, by name. */
function positions(before: Label, after: Label): Int16Array {
  return Int16Array.from(before.categories, ({ name }) => after.categories.findIndex((one) => one.name === name));
}

function existing(known: Known | null, label: OwnLabel): Known {
  if (!known) throw new ApiError('no_label', `The label “${label.value.name}” is not on the server.`, '', 404);
  return known;
}
