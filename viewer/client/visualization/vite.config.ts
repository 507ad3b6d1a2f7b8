import { copyFileSync, mkdirSync } from 'node:fs';
import { defineConfig } from 'vite';

const name = 'starcyte';
const sources = new URL('../../../galaxy_wrappers/visualization/', import.meta.url).pathname;
const plugin = new URL(`../../../tool/starcyte_galaxy/visualization/${name}/`, import.meta.url).pathname;

// The script and the files that make it a plugin of Galaxy. Up to 25.0 Galaxy looks for the XML file in config/, from
// 25.1 on in static/; both are given, so that one folder serves all.
export default defineConfig({
  root: new URL('.', import.meta.url).pathname,
  build: {
    outDir: plugin,
    emptyOutDir: true,
    target: 'es2022',
    lib: { entry: 'main.ts', formats: ['es'], fileName: () => 'static/index.js' },
  },
  plugins: [
    {
      name: 'plugin-files',
      closeBundle() {
        mkdirSync(`${plugin}config`, { recursive: true });
        for (const folder of ['config', 'static'])
          copyFileSync(`${sources}${name}.xml`, `${plugin}${folder}/${name}.xml`);
        copyFileSync(new URL('../src/icon.svg', import.meta.url).pathname, `${plugin}static/logo.svg`);
      },
    },
  ],
});
