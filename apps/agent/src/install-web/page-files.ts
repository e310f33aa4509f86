import { embeddedText } from '../embedded-text.ts';

/** The documents of the page, as they are sent. */
export const PAGE_FILES = {
  page: embeddedText(import.meta.dirname, 'page/page.html'),
  login: embeddedText(import.meta.dirname, 'page/login.html'),
  style: embeddedText(import.meta.dirname, 'page/style.css'),
} as const;

/** The modules of the page's script, by their path. */
export const PAGE_SCRIPTS = {
  '/main.js': embeddedText(import.meta.dirname, 'page/main.js'),
  '/ask.js': embeddedText(import.meta.dirname, 'page/ask.js'),
  '/choose.js': embeddedText(import.meta.dirname, 'page/choose.js'),
  '/dom.js': embeddedText(import.meta.dirname, 'page/dom.js'),
  '/editor.js': embeddedText(import.meta.dirname, 'page/editor.js'),
  '/progress.js': embeddedText(import.meta.dirname, 'page/progress.js'),
  '/result.js': embeddedText(import.meta.dirname, 'page/result.js'),
  '/review.js': embeddedText(import.meta.dirname, 'page/review.js'),
} as const;
