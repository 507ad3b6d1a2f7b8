/**
 * The script that Galaxy loads into the frame of a visualization.
 *
 * Its parameters are in `data-incoming` of `#app`. From 26.1 on, Galaxy treats any later change of that document as
 * unsaved work and asks before it leaves the page. A session has no unsaved work, so the page is put into a nested frame,
 * whose changes Galaxy does not observe.
 */

import { Galaxy } from './galaxy';
import { tabMemory } from './memory';
import { Page } from './page';
import style from './style.css?inline';

interface Incoming {
  root: string;
  visualization_config?: { dataset_id?: string };
  visualization_plugin?: { specs?: { tool_id?: string | null } | null };
}

/** The default id of the tool; the XML file of the visualization can have another one. */
const TOOL = 'interactive_tool_starcyte';

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

function mount(app: HTMLElement): void {
  const incoming = JSON.parse(app.dataset.incoming ?? '{}') as Incoming;
  const frame = document.createElement('iframe');
  frame.title = 'starcyte';
  frame.style.cssText = 'position:fixed;inset:0;width:100%;height:100%;border:0;background:#fff';
  app.append(frame);
  const inside = frame.contentDocument!;
  // Firefox replaces the initial empty document unless it was opened and written
  inside.open();
  inside.write(
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>starcyte</title></head><body></body>',
  );
  inside.close();
  const css = inside.createElement('style');
  css.textContent = style;
  inside.head.append(css);
  const galaxy = new Galaxy(incoming.root, document.baseURI, (url, init) => fetch(url, init));
  const page = new Page(inside, {
    galaxy,
    here: galaxy.pathOf(window.parent.location.href),
    dataset: incoming.visualization_config?.dataset_id ?? '',
    tool: incoming.visualization_plugin?.specs?.tool_id?.trim() || TOOL,
    memory: tabMemory(() => sessionStorage),
    clock: { now: () => performance.now(), sleep },
    newTab: () => window.open('', '_blank'),
  });
  void page.load(false);
}

mount(document.getElementById('app')!);
