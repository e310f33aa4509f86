import { HEADERS } from './document.ts';

/** Lines in which a header is looked for. */
const HEADER_LINES = 10;

/**
 * The header by which a text is known as a configuration of a machine: one of HEADERS at the start of one of the first 10
 * lines, alone or before a comment. Lines before it, such as `## template: jinja`, do not matter.
 */
export function findHeader(text: string): (typeof HEADERS)[number] | undefined {
  for (const line of headLines(text)) {
    const word = /^#\S+/.exec(line)?.[0];
    const header = HEADERS.find((known) => known === word);
    if (header) return header;
  }
  return undefined;
}

/** A line among the first 10 that looks like a header but is none, such as `# cloud-config`: a frequent slip. */
export function findAlmostHeader(text: string): { line: number; header: (typeof HEADERS)[number] } | undefined {
  for (const [index, line] of headLines(text).entries()) {
    const word = /^#[\s#]*([\w-]+):?\s*$/.exec(line)?.[1]?.toLowerCase().replaceAll('_', '-');
    const header = HEADERS.find((known) => known === `#${word}`);
    if (header) return { line: index + 1, header };
  }
  return undefined;
}

/** Whether a header stands further in on one of the first 10 lines: a configuration inside of another document. */
export function holdsHeader(text: string): boolean {
  return headLines(text).some((line) => HEADERS.some((header) => line.trimStart().startsWith(header)));
}

function headLines(text: string): string[] {
  // A line of a hostile file may be as long as the file.
  const lines = text.slice(0, 16_384).split('\n', HEADER_LINES);
  return lines.map((line, index) => (index === 0 ? line.replace(/^\ufeff/, '') : line).trimEnd());
}
