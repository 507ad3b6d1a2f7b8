/** Pointer and keyboard on the scatter plot: pan, zoom, lasso, hover, click. */
import { cornersOf, inTheMiddle, keyed, type Rectangle } from './keyedRectangle';
import type { Scatter } from './scatter';

export type Mode = 'pan' | 'lasso' | 'rectangle' | 'polygon';

/** How a shape joins the cells chosen before: with shift held at its end it adds, with alt it takes away, with both it keeps what both have. */
export type Join = 'replace' | 'add' | 'subtract' | 'intersect';

export interface GestureHandlers {
  /** The pointer is at a pixel without a button; null when it leaves or a drag begins. */
  onHover?: (at: readonly [number, number] | null) => void;
  /** A drag begins: what of the plot it carries along, if anything lies there that can be moved. */
  onGrab?: (at: readonly [number, number]) => Carry | null;
  /** A plot of three dimensions is turned by so many pixels. */
  onRotate?: (dx: number, dy: number) => void;
  onClick?: (at: readonly [number, number], event: PointerEvent) => void;
  /** The shape so far, [x0, y0, x1, y1, ...] in CSS pixels; null when it has ended or was cancelled (Escape). */
  onShapeMove?: (polygon: readonly number[] | null) => void;
  /** Whether the arrows move a rectangle. */
  onKeyedRectangle?: (moves: boolean) => void;
  /** A finished shape. */
  onShapeEnd?: (polygon: readonly number[], join: Join) => void;
}

/** Moves what a drag has grabbed to a pixel. */
export type Carry = (to: readonly [number, number]) => void;

export interface Gestures {
  mode: Mode;
  /** How shapes join what was chosen before, where no key says otherwise. */
  join: Join;
  /** A drag and the arrows turn the plot, and pan it with another button or shift. */
  turns: boolean;
  dispose(): void;
}

type Point = readonly [number, number];

/** A pointer that moved less than this between down and up has clicked. */
const CLICK = 4;
/** Corners of a lasso are at least so far apart. */
const CORNER = 3;
/** A click so near to the first corner of a polygon closes it. */
const CLOSE = 10;
/** A lasso that stays smaller is the trembling of a click. */
const TREMBLE = 10;
const ARROW = 60;
const KEY_ZOOM = 1.5;

/**
 * Listen on the element that lies on top of the plot (the canvas itself, or its overlay of the same size).
 *
 * Drag pans in pan mode and draws a lasso or a rectangle in their modes; shift+drag is a lasso in pan mode, and the middle or right
 * button pans in any. In polygon mode clicks set corners; a double click, Enter or a click on the first corner closes the shape, and
 * Backspace takes the last corner back. The wheel and a pinch zoom about the pointer, a double click zooms in (with shift:
 * out). Where the plot turns, a drag and the arrows turn it in place of panning. With focus: arrows pan, + and - zoom, 0 fits, Escape cancels a shape. In rectangle mode Enter begins a rectangle,
 * which arrows move and shift+arrows size, and ends it. The element is made focusable.
 */
export function attachGestures(
  element: HTMLElement,
  scatter: Scatter,
  handlers: GestureHandlers = {},
  mode: Mode = 'pan',
): Gestures {
  const pointers = new Map<number, Point>();
  let drag: {
    kind: 'pan' | 'turn' | 'shape' | 'pinch';
    start: Point;
    last: Point;
    moved: boolean;
    carry?: Carry | null;
  } | null = null;
  let polygon: number[] = [];
  /** Where the pointer was last: the loose end of a polygon. */
  let loose: Point = [0, 0];
  /** The rectangle that the keys move, and the one before, from where the next begins. */
  let rectangle: Rectangle | null = null;
  let previous: Rectangle | null = null;
  const gestures: Gestures = {
    get mode() {
      return mode;
    },
    set mode(next) {
      if (next === mode) return;
      mode = next;
      if (polygon.length > 0) endShape();
    },
    join: 'replace',
    turns: false,
    dispose,
  };

  const at = (event: MouseEvent): Point => {
    const box = element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  function endShape(): void {
    polygon = [];
    if (rectangle) {
      rectangle = null;
      handlers.onKeyedRectangle?.(false);
    }
    handlers.onShapeMove?.(null);
  }

  /** The shape is done. */
  function finish(event: MouseEvent | KeyboardEvent, byDefault: Join): void {
    const finished = polygon;
    endShape();
    if (finished.length < 6 || extent(finished) < TREMBLE) return;
    const { altKey: alt, shiftKey: shift } = event;
    handlers.onShapeEnd?.(finished, alt && shift ? 'intersect' : alt ? 'subtract' : shift ? byDefault : gestures.join);
  }

  /** A click in polygon mode: one more corner, or the end. */
  function corner(point: Point, event: MouseEvent): void {
    const first: Point = [polygon[0] ?? point[0], polygon[1] ?? point[1]];
    if (polygon.length >= 6 && distance(point, first) < CLOSE) {
      finish(event, 'add');
      return;
    }
    polygon.push(...point);
    loose = point;
    handlers.onShapeMove?.(polygon);
  }

  function down(event: PointerEvent): void {
    // With preventDefault alone the element would not take the focus, and the keys would go elsewhere.
    element.focus({ preventScroll: true });
    if (event.pointerType === 'mouse' && event.button > 2) return;
    const point = at(event);
    if (rectangle) endShape();
    pointers.set(event.pointerId, point);
    element.setPointerCapture(event.pointerId);
    handlers.onHover?.(null);
    if (pointers.size === 2) {
      if (drag?.kind === 'shape') endShape();
      drag = { kind: 'pinch', start: point, last: point, moved: true };
    } else if (pointers.size === 1) {
      const draws = mode === 'lasso' || mode === 'rectangle' || (mode === 'pan' && event.shiftKey);
      const shape = event.button === 0 && draws;
      const kind = shape ? 'shape' : gestures.turns && mode === 'pan' && event.button === 0 ? 'turn' : 'pan';
      const carry = kind !== 'shape' && mode === 'pan' && event.button === 0 ? handlers.onGrab?.(point) : null;
      drag = { kind, start: point, last: point, moved: false, carry: carry ?? null };
      if (shape) polygon = [...point];
    }
  }

  function move(event: PointerEvent): void {
    const point = at(event);
    const before = pointers.get(event.pointerId);
    if (mode === 'polygon' && polygon.length > 0 && !drag?.moved) {
      loose = point;
      handlers.onShapeMove?.([...polygon, ...point]);
    }
    if (!before || !drag) {
      if (event.pointerType !== 'touch') handlers.onHover?.(point);
      return;
    }
    if (drag.kind === 'pinch') pinch(event.pointerId, before, point);
    pointers.set(event.pointerId, point);
    if (drag.kind === 'pinch') return;
    if (!drag.moved && distance(point, drag.start) < CLICK) return;
    drag.moved = true;
    if (drag.carry) drag.carry(point);
    else if (drag.kind === 'turn') {
      handlers.onRotate?.(point[0] - drag.last[0], point[1] - drag.last[1]);
      drag.last = point;
    } else if (drag.kind === 'pan') {
      scatter.panBy(point[0] - drag.last[0], point[1] - drag.last[1]);
      drag.last = point;
    } else if (mode === 'rectangle') {
      const [x, y] = drag.start;
      polygon = [x, y, point[0], y, point[0], point[1], x, point[1]];
      handlers.onShapeMove?.(polygon);
    } else if (distance(point, drag.last) >= CORNER) {
      polygon.push(...point);
      drag.last = point;
      handlers.onShapeMove?.(polygon);
    }
  }

  /** Two fingers: what lies under them stays under them. */
  function pinch(id: number, before: Point, now: Point): void {
    const other = [...pointers].find(([key]) => key !== id)?.[1];
    if (!other) return;
    const was = distance(before, other);
    const factor = was > 0 ? distance(now, other) / was : 1;
    scatter.panBy((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
    if (factor > 0) scatter.zoomBy(factor, (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
  }

  function up(event: PointerEvent): void {
    if (!pointers.delete(event.pointerId)) return;
    const ended = drag;
    // After a pinch the finger that stays pans on.
    const [rest] = pointers.values();
    drag = ended?.kind === 'pinch' && rest ? { kind: 'pan', start: rest, last: rest, moved: true } : null;
    if (!ended || ended.kind === 'pinch') return;
    if (event.type === 'pointercancel') {
      if (ended.kind === 'shape') endShape();
      return;
    }
    if (!ended.moved) {
      if (ended.kind === 'shape') polygon = [];
      if (event.button !== 0) return;
      if (mode === 'polygon') corner(at(event), event);
      else handlers.onClick?.(at(event), event);
    } else if (ended.kind === 'shape') {
      // In pan mode shift is what draws, and so cannot mean to add.
      finish(event, mode === 'pan' ? gestures.join : 'add');
    } else if (polygon.length > 0) handlers.onShapeMove?.([...polygon, ...loose]);
  }

  function leave(): void {
    if (!drag) handlers.onHover?.(null);
  }

  function wheel(event: WheelEvent): void {
    event.preventDefault();
    // Lines and pages (Firefox, mice with steps) as pixels; a pinch on a touchpad comes as a wheel with ctrl, in small steps.
    const unit = event.deltaMode === 1 ? 24 : event.deltaMode === 2 ? 400 : 1;
    const step = Math.max(-240, Math.min(240, event.deltaY * unit * (event.ctrlKey ? 6 : 1)));
    scatter.zoomBy(2 ** (-step / 240), ...at(event));
  }

  function doubleClick(event: MouseEvent): void {
    if (mode === 'polygon') {
      // Its second click was one corner too many.
      if (polygon.length > 0) finish(event, 'add');
      return;
    }
    scatter.zoomBy(event.shiftKey ? 0.5 : 2, ...at(event), true);
  }

  /** Show the rectangle that the keys move. */
  function show(next: Rectangle): void {
    rectangle = next;
    previous = next;
    polygon = cornersOf(next);
    handlers.onShapeMove?.(polygon);
  }

  /** A key in rectangle mode. Returns whether it means something to the rectangle. */
  function keyRectangle(event: KeyboardEvent): boolean {
    const plot = { width: element.clientWidth, height: element.clientHeight };
    if (event.key === 'Enter' && rectangle) finish(event, 'add');
    else if (event.key === 'Enter' && !drag) {
      const fits = previous && previous.x + previous.width <= plot.width && previous.y + previous.height <= plot.height;
      show(previous && fits ? previous : inTheMiddle(plot));
      handlers.onKeyedRectangle?.(true);
    } else {
      const next = rectangle && keyed(rectangle, event.key, event.shiftKey, plot);
      if (!next) return false;
      show(next);
    }
    return true;
  }

  function key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey) return;
    if (mode === 'rectangle' && keyRectangle(event)) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    if (event.altKey) return;
    const arrows: Record<string, Point> = {
      ArrowLeft: [ARROW, 0],
      ArrowRight: [-ARROW, 0],
      ArrowUp: [0, ARROW],
      ArrowDown: [0, -ARROW],
    };
    const arrow = arrows[event.key];
    if (arrow && gestures.turns && !event.shiftKey) handlers.onRotate?.(-arrow[0] / 2, -arrow[1] / 2);
    else if (arrow) scatter.panBy(...arrow, true);
    else if (event.key === '+' || event.key === '=') scatter.zoomBy(KEY_ZOOM, undefined, undefined, true);
    else if (event.key === '-' || event.key === '_') scatter.zoomBy(1 / KEY_ZOOM, undefined, undefined, true);
    else if (event.key === '0') scatter.fit({ animate: true });
    else if (event.key === 'Escape' && polygon.length > 0) {
      if (drag?.kind === 'shape') drag = null;
      endShape();
    } else if (event.key === 'Enter' && mode === 'polygon' && polygon.length > 0) finish(event, 'add');
    else if (event.key === 'Backspace' && mode === 'polygon' && polygon.length > 0) {
      polygon.splice(-2);
      if (polygon.length === 0) endShape();
      else handlers.onShapeMove?.([...polygon, ...loose]);
    } else return;
    event.preventDefault();
    // Escape that ended a lasso must not also close a dialog or clear the selection.
    event.stopPropagation();
  }

  function blur(): void {
    if (rectangle) endShape();
  }

  const noMenu = (event: Event) => event.preventDefault();
  const listeners: [string, EventListener][] = [
    ['pointerdown', down as EventListener],
    ['pointermove', move as EventListener],
    ['pointerup', up as EventListener],
    ['pointercancel', up as EventListener],
    ['pointerleave', leave],
    ['wheel', wheel as EventListener],
    ['dblclick', doubleClick as EventListener],
    ['keydown', key as EventListener],
    ['blur', blur],
    ['contextmenu', noMenu],
  ];
  for (const [type, listener] of listeners) element.addEventListener(type, listener, { passive: false });
  if (element.tabIndex < 0) element.tabIndex = 0;
  // The browser's own scrolling and pinching would cancel ours.
  element.style.touchAction = 'none';

  function dispose(): void {
    for (const [type, listener] of listeners) element.removeEventListener(type, listener);
  }

  return gestures;
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}

/** The longer side of the box around a polygon. */
function extent(polygon: readonly number[]): number {
  const x = polygon.filter((_, k) => k % 2 === 0);
  const y = polygon.filter((_, k) => k % 2 === 1);
  return Math.max(Math.max(...x) - Math.min(...x), Math.max(...y) - Math.min(...y));
}
