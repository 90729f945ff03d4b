import { readFileSync } from 'node:fs';
import { Hono } from 'hono';

const files = [
  ['/', 'page.html', 'text/html'],
  ['/page.css', 'page.css', 'text/css'],
  ['/page.js', 'page.js', 'text/javascript'],
] as const;

/** Only what comes from here is loaded and run, whatever stands in a post. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The page that shows the service at work, as plain files. */
export function page() {
  const app = new Hono();
  for (const [path, name, type] of files) {
    const text = readFileSync(new URL(`../../page/${name}`, import.meta.url), 'utf8');
    app.get(path, (c) =>
      c.body(text, 200, {
        'content-type': `${type}; charset=utf-8`,
        'content-security-policy': policy,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-cache',
      }),
    );
  }
  return app;
}
