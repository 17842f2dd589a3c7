import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [react()],
  // Any folder of any web server; the router uses the fragment.
  base: './',
  resolve: { conditions: ['@shoal/source', 'browser', 'module', 'production'] },
  build: {
    target: 'es2022',
    // A preload helper would be an inline script for older browsers only.
    modulePreload: { polyfill: false },
    // Never data: URLs for scripts and fonts; the policy does not allow them.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 4000,
  },
});
