import type { Dict, Value } from '../value/value.ts';
import { toText } from './cast.ts';
import { FunctionFailure, type FunctionTable, fn } from './function.ts';

const base = fn(['string'], (_context, path) => baseOf(path));
const dir = fn(['string'], (_context, path) => clean(path.slice(0, path.lastIndexOf('/') + 1)));
const cleanPath = fn(['string'], (_context, path) => clean(path));
const ext = fn(['string'], (_context, path) => /\.[^./]*$/.exec(path)?.[0] ?? '');
const isAbs = fn(['string'], (_context, path) => path.startsWith('/'));

/** Paths, URLs and the environment of the process. */
export const PATH_FUNCTIONS: FunctionTable = {
  base,
  dir,
  clean: cleanPath,
  ext,
  isAbs,
  osBase: base,
  osDir: dir,
  osClean: cleanPath,
  osExt: ext,
  osIsAbs: isAbs,
  env: fn(['string'], (context, name) => context.host.env(name) ?? ''),
  expandenv: fn(['string'], (context, text) =>
    text.replaceAll(
      /\$(?:\{(\w*)\}|(\w+))/g,
      (_all, braced?: string, plain?: string) => context.host.env(braced ?? plain ?? '') ?? '',
    ),
  ),
  urlParse: fn(['string'], (_context, text) => parseUrl(text)),
  urlJoin: fn(['dict'], (_context, parts) => joinUrl(parts)),
};

function baseOf(path: string): string {
  if (path === '') return '.';
  const trimmed = trimSlashes(path);
  return trimmed === '' ? '/' : trimmed.slice(trimmed.lastIndexOf('/') + 1);
}

function trimSlashes(path: string): string {
  let end = path.length;
  while (end > 0 && path[end - 1] === '/') end -= 1;
  return path.slice(0, end);
}

/** The shortest path that means the same. */
function clean(path: string): string {
  const rooted = path.startsWith('/');
  const kept: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') kept.push(part);
    else if (kept.length > 0 && kept.at(-1) !== '..') kept.pop();
    else if (!rooted) kept.push('..');
  }
  return (rooted ? '/' : '') + kept.join('/') || '.';
}

/** The parts of RFC 3986, with the names that sprig gives them. */
function parseUrl(text: string): Value {
  const parts = /^(?:([A-Za-z][\w+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(text);
  if (parts === null || /[\x00-\x20\x7f]/.test(text)) throw new FunctionFailure('the text is not a URL');
  const [, scheme = '', authority = '', path = '', query = '', fragment = ''] = parts;
  const at = authority.lastIndexOf('@');
  const host = authority.slice(at + 1);
  const opaque = scheme !== '' && !path.startsWith('/') && authority === '' ? path : '';
  const hostname = host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1');
  return new Map<string, Value>([
    ['scheme', scheme.toLowerCase()],
    ['host', host],
    ['hostname', hostname],
    ['path', opaque === '' ? decode(path) : ''],
    ['query', query],
    ['opaque', opaque],
    ['fragment', decode(fragment)],
    ['userinfo', at < 0 ? '' : authority.slice(0, at)],
  ]);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new FunctionFailure('the URL has a wrong % escape');
  }
}

function joinUrl(parts: Dict): string {
  const part = (name: string) => (parts.has(name) ? toText(parts.get(name)) : '');
  const userinfo = part('userinfo');
  const scheme = part('scheme');
  const host = part('host');
  const authority = userinfo === '' && host === '' ? '' : `//${userinfo === '' ? '' : `${userinfo}@`}${host}`;
  const path = part('path');
  const place =
    part('opaque') || `${authority}${authority !== '' && path !== '' && !path.startsWith('/') ? '/' : ''}${path}`;
  const query = part('query');
  const fragment = part('fragment');
  return `${scheme === '' ? '' : `${scheme}:`}${place}${query === '' ? '' : `?${query}`}${fragment === '' ? '' : `#${fragment}`}`;
}
