/** The keys of a shortcut as they are printed on the user's keyboard. */
export function shortcutKeys(shortcut: string): string[] {
  const mac = navigator.platform.startsWith('Mac');
  return shortcut
    .split('+')
    .flatMap((key, k, keys) => (key === '' ? (k === keys.length - 1 ? ['+'] : []) : [key]))
    .map((key) => {
      if (key === 'Mod') return mac ? '⌘' : 'Ctrl';
      if (key === 'Shift') return mac ? '⇧' : 'Shift';
      return key.length === 1 ? key.toUpperCase() : key;
    });
}
