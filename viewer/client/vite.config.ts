import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { thirdPartyLicenses } from './licenses';

// Where `npm run dev` sends the requests of the HTTP interface: a running `starcyte launch`.
const server = process.env.STARCYTE_URL ?? 'http://127.0.0.1:5005';

const licenses = thirdPartyLicenses('THIRD_PARTY_LICENSES');

export default defineConfig({
  plugins: [svelte(), licenses.page],
  // The page is served below a prefix nobody knows when it is built: every address in it is relative.
  base: '',
  build: {
    outDir: '../starcyte/static',
    emptyOutDir: true,
    // The content security policy refuses inline scripts and data: workers.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    target: 'es2022',
    rolldownOptions: { input: ['index.html', 'login.html', 'catalog.html', 'status.html'] },
  },
  worker: { format: 'es', plugins: () => [licenses.worker] },
  server: { proxy: { '/api': { target: server, changeOrigin: true } } },
  // No time is asserted: the machine may be shared.
  test: { include: ['{src,visualization}/**/*.test.ts'], testTimeout: 60_000, setupFiles: ['src/testSetup.ts'] },
});
