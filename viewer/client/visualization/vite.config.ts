import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { defineConfig } from 'vite';

const root = import.meta.dirname;
let built: string;

// The script and the files that make it a plugin of Galaxy, which looks for the XML file in static/ from 25.1 on. Up to
// 25.0 it looks in config/, beside it: one folder serves all.
export default defineConfig({
  root,
  build: {
    outDir: 'static',
    emptyOutDir: true,
    target: 'es2022',
    lib: { entry: 'main.ts', formats: ['es'], fileName: () => 'index.js' },
  },
  plugins: [
    {
      name: 'plugin-files',
      configResolved(config) {
        built = resolve(root, config.build.outDir);
      },
      closeBundle() {
        copyFileSync(resolve(root, 'logo.svg'), resolve(built, 'logo.svg'));
        rmSync(resolve(built, '../config'), { recursive: true, force: true });
        mkdirSync(resolve(built, '../config'));
        copyFileSync(resolve(root, 'public/starcyte.xml'), resolve(built, '../config/starcyte.xml'));
      },
    },
  ],
});
