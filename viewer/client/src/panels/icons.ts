/** Line icons on a grid of 24: the paths of each. */
export const ICONS = {
  hand: 'M12 3v18M3 12h18M12 3l-3 3M12 3l3 3M12 21l-3-3M12 21l3-3M3 12l3-3M3 12l3 3M21 12l-3-3M21 12l-3 3',
  lasso:
    'M7 16.5C4.6 15.3 3 13.3 3 11c0-3.9 4-7 9-7s9 3.1 9 7-4 7-9 7c-1 0-1.9-.1-2.8-.4M7 19a2.2 2.2 0 1 0 0-4.4A2.2 2.2 0 0 0 7 19ZM7 19c.3 1.3-.3 2.2-1.5 3',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  fit: 'M4 9V5a1 1 0 0 1 1-1h4M15 4h4a1 1 0 0 1 1 1v4M20 15v4a1 1 0 0 1-1 1h-4M9 20H5a1 1 0 0 1-1-1v-4',
  tag: 'M4 4h7l9 9-7 7-9-9V4ZM8 8h.01',
  layers: 'M12 3 3 8l9 5 9-5-9-5ZM3 12.5l9 5 9-5M3 16.5l9 5 9-5',
  download: 'M12 4v11M7 11l5 5 5-5M4 20h16',
  close: 'M6 6l12 12M18 6 6 18',
  invert: 'M12 3a9 9 0 1 0 0 18ZM12 3a9 9 0 0 1 0 18',
  search: 'M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM20 20l-4-4',
  set: 'M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16ZM12 9v6M9 12h6',
  compare: 'M9 18a6 6 0 1 0 0-12 6 6 0 0 0 0 12ZM15 18a6 6 0 1 0 0-12 6 6 0 0 0 0 12Z',
  undo: 'M9 7 4 12l5 5M4 12h10a6 6 0 0 1 6 6v1',
  redo: 'M15 7l5 5-5 5M20 12H10a6 6 0 0 0-6 6v1',
  command: 'M5 7h14M5 12h9M5 17h11',
  theme: 'M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5Z',
  left: 'M4 5h16v14H4ZM9.5 5v14',
  right: 'M4 5h16v14H4ZM14.5 5v14',
  help: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM9.5 9.5a2.6 2.6 0 1 1 3.8 2.3c-.8.4-1.3 1-1.3 1.9M12 17h.01',
  drop: 'M12 3.5c3.5 4 6 7 6 10.2A6 6 0 0 1 12 20a6 6 0 0 1-6-6.3C6 10.5 8.5 7.5 12 3.5Z',
  chevron: 'M9 6l6 6-6 6',
  down: 'M6 9l6 6 6-6',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  warning: 'M12 4 2.8 20h18.4L12 4ZM12 10v4.5M12 17.3h.01',
  settings:
    'M4 7h9M17 7h3M15 9.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM4 17h3M11 17h9M9 19.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Z',
  expand: 'M14 4h6v6M20 4l-7 7M10 20H4v-6M4 20l7-7',
  volcano: 'M4 4v16h16M8 9h.01M9.5 12.5h.01M12 16.5h.01M14.5 12.5h.01M16 9h.01M18 6.5h.01M6.5 6.5h.01',
  markers: 'M4 6h4M4 12h4M4 18h4M12 6h8M12 12h5M12 18h2',
  plots: 'M4 4v16h16M8 8h.01M8 14h.01M13 8h.01M13 14h.01M18 8h.01M18 14h.01',
  shrink: 'M20 10h-6V4M14 10l7-7M4 14h6v6M10 14l-7 7',
} as const;

export type IconName = keyof typeof ICONS;
