/** Pointer and keyboard on the scatter plot: pan, zoom, lasso, hover, click. */
import type { Scatter } from './scatter';

export type Mode = 'pan' | 'lasso';

/** How a shape joins the cells chosen before: with shift held at its end it adds, with alt it takes away, with both it keeps what both have. */
export type Join = 'replace' | 'add' | 'subtract' | 'intersect';

export interface GestureHandlers {
  /** The pointer is at a pixel without a button; null when it leaves or a drag begins. */
  onHover?: (at: readonly [number, number] | null) => void;
  onClick?: (at: readonly [number, number], event: PointerEvent) => void;
  /** The polygon so far, [x0, y0, x1, y1, ...] in CSS pixels; null when the lasso has ended or was cancelled (Escape). */
  onLassoMove?: (polygon: readonly number[] | null) => void;
  /** A finished lasso: give it to `scatter.lasso`. */
  onLassoEnd?: (polygon: readonly number[], join: Join) => void;
}

export interface Gestures {
  mode: Mode;
  dispose(): void;
}

type Point = readonly [number, number];

/** A pointer that moved less than this between down and up has clicked. */
const CLICK = 4;
/** Corners of a lasso are at least so far apart. */
const CORNER = 3;
/** A lasso that stays smaller is the trembling of a click. */
const TREMBLE = 10;
const ARROW = 60;
const KEY_ZOOM = 1.5;

/**
 * Listen on the element that lies on top of the plot (the canvas itself, or its overlay of the same size).
 *
 * Drag pans in pan mode and draws a lasso in lasso mode; shift+drag is a lasso in either, and the middle or right button pans in
 * either; the wheel and a pinch zoom about the pointer, a double click zooms in (with shift: out). With focus: arrows pan,
 * + and - zoom, 0 fits, Escape cancels a lasso. The element is made focusable.
 */
export function attachGestures(
  element: HTMLElement,
  scatter: Scatter,
  handlers: GestureHandlers = {},
  mode: Mode = 'pan',
): Gestures {
  const pointers = new Map<number, Point>();
  let drag: { kind: 'pan' | 'lasso' | 'pinch'; start: Point; last: Point; moved: boolean } | null = null;
  let polygon: number[] = [];
  const gestures = { mode, dispose };

  const at = (event: MouseEvent): Point => {
    const box = element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  function endLasso(): void {
    polygon = [];
    handlers.onLassoMove?.(null);
  }

  function down(event: PointerEvent): void {
    // With preventDefault alone the element would not take the focus, and the keys would go elsewhere.
    element.focus({ preventScroll: true });
    if (event.pointerType === 'mouse' && event.button > 2) return;
    const point = at(event);
    pointers.set(event.pointerId, point);
    element.setPointerCapture(event.pointerId);
    handlers.onHover?.(null);
    if (pointers.size === 2) {
      if (drag?.kind === 'lasso') endLasso();
      drag = { kind: 'pinch', start: point, last: point, moved: true };
    } else if (pointers.size === 1) {
      const lasso = event.button === 0 && (gestures.mode === 'lasso' || event.shiftKey);
      drag = { kind: lasso ? 'lasso' : 'pan', start: point, last: point, moved: false };
      polygon = lasso ? [...point] : [];
    }
  }

  function move(event: PointerEvent): void {
    const point = at(event);
    const before = pointers.get(event.pointerId);
    if (!before || !drag) {
      if (event.pointerType !== 'touch') handlers.onHover?.(point);
      return;
    }
    if (drag.kind === 'pinch') pinch(event.pointerId, before, point);
    pointers.set(event.pointerId, point);
    if (drag.kind === 'pinch') return;
    if (!drag.moved && distance(point, drag.start) < CLICK) return;
    drag.moved = true;
    if (drag.kind === 'pan') {
      scatter.panBy(point[0] - drag.last[0], point[1] - drag.last[1]);
      drag.last = point;
    } else if (distance(point, drag.last) >= CORNER) {
      polygon.push(...point);
      drag.last = point;
      handlers.onLassoMove?.(polygon);
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
      if (ended.kind === 'lasso') endLasso();
      return;
    }
    if (!ended.moved) {
      polygon = [];
      if (event.button === 0) handlers.onClick?.(at(event), event);
    } else if (ended.kind === 'lasso') {
      const finished = polygon;
      endLasso();
      const add = event.shiftKey && gestures.mode === 'lasso';
      if (finished.length >= 6 && extent(finished) >= TREMBLE)
        handlers.onLassoEnd?.(finished, event.altKey ? 'subtract' : add ? 'add' : 'replace');
    }
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
    scatter.zoomBy(event.shiftKey ? 0.5 : 2, ...at(event), true);
  }

  function key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrows: Record<string, Point> = {
      ArrowLeft: [ARROW, 0],
      ArrowRight: [-ARROW, 0],
      ArrowUp: [0, ARROW],
      ArrowDown: [0, -ARROW],
    };
    const arrow = arrows[event.key];
    if (arrow) scatter.panBy(...arrow, true);
    else if (event.key === '+' || event.key === '=') scatter.zoomBy(KEY_ZOOM, undefined, undefined, true);
    else if (event.key === '-' || event.key === '_') scatter.zoomBy(1 / KEY_ZOOM, undefined, undefined, true);
    else if (event.key === '0') scatter.fit({ animate: true });
    else if (event.key === 'Escape' && drag?.kind === 'lasso') {
      drag = null;
      endLasso();
    } else return;
    event.preventDefault();
    // Escape that ended a lasso must not also close a dialog or clear the selection.
    event.stopPropagation();
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
