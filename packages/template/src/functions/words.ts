import { type FunctionTable, fn } from './function.ts';

/** Text as words: case, abbreviations, wrapping. */
export const WORD_FUNCTIONS: FunctionTable = {
  title: fn(['string'], (_context, text) =>
    text.replaceAll(/(^|[^\p{L}\p{N}_])(\p{L})/gu, (_all, before, letter) => before + letter.toUpperCase()),
  ),
  untitle: fn(['string'], (_context, text) =>
    text.replaceAll(/(^|\s)(\S)/gu, (_all, before, first) => before + first.toLowerCase()),
  ),
  swapcase: fn(['string'], (_context, text) => Array.from(text).map(swap).join('')),
  initials: fn(['string'], (_context, text) =>
    text
      .split(/\s+/u)
      .map((word) => Array.from(word)[0] ?? '')
      .join(''),
  ),
  snakecase: fn(['string'], (_context, text) => words(text).join('_').toLowerCase()),
  kebabcase: fn(['string'], (_context, text) => words(text).join('-').toLowerCase()),
  camelcase: fn(['string'], (_context, text) => camel(text)),
  abbrev: fn(['int', 'string'], (_context, width, text) => (width < 4 ? text : abbreviate(text, width))),
  abbrevboth: fn(['int', 'int', 'string'], (_context, offset, width, text) => abbreviateBoth(text, offset, width)),
  wrap: fn(['int', 'string'], (_context, width, text) => wrapText(text, width, '\n', false)),
  wrapWith: fn(['int', 'string', 'string'], (_context, width, separator, text) =>
    wrapText(text, width, separator, true),
  ),
};

function swap(character: string): string {
  const upper = character.toUpperCase();
  return upper === character ? character.toLowerCase() : upper;
}

/** Words of `HTTPServer_v2 name`: HTTP, Server, v2, name. */
function words(text: string): string[] {
  return text.match(/\p{Lu}+(?!\p{Ll})\p{N}*|\p{Lu}?[\p{Ll}\p{Lo}\p{N}]+/gu) ?? [];
}

/** Every word but its separator begins with a capital; separators at the start stay. */
function camel(text: string): string {
  const [lead = ''] = /^[_\s-]+/.exec(text) ?? [];
  const rest = text.slice(lead.length);
  return lead + rest.replaceAll(/(?:^|[_\s-])([^_\s-])/gu, (_all, first: string) => first.toUpperCase());
}

function abbreviate(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 3)}...`;
}

function abbreviateBoth(text: string, wanted: number, width: number): string {
  if (width < 4 || (wanted > 0 && width < 7) || text.length <= width) return text;
  const offset = Math.min(wanted, text.length - (width - 3));
  if (offset <= 4) return `${text.slice(0, width - 3)}...`;
  if (offset + width - 3 < text.length) return `...${abbreviate(text.slice(offset), width - 3)}`;
  return `...${text.slice(text.length - (width - 3))}`;
}

function wrapText(text: string, wanted: number, separator: string, breakWords: boolean): string {
  const width = Math.max(1, wanted);
  const lines: string[] = [];
  let at = 0;
  while (text.length - at > width) {
    if (text[at] === ' ') {
      at += 1;
      continue;
    }
    let end = text.slice(at, at + width + 1).lastIndexOf(' ');
    let skip = 1;
    if (end < 0 && breakWords) {
      end = width;
      skip = 0;
    } else if (end < 0) {
      end = text.indexOf(' ', at + width) - at;
    }
    if (end < 0) break;
    lines.push(text.slice(at, at + end));
    at += end + skip;
  }
  lines.push(text.slice(at));
  return lines.join(separator);
}
