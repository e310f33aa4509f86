const NAMED: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
};
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

/** A string constant of Go, as `%q` prints it; `asciiOnly` (`%+q`) escapes everything else. */
export function quote(text: string, mark: '"' | "'" = '"', asciiOnly = false): string {
  let out = mark as string;
  for (const character of text) out += escapeCharacter(character, mark, asciiOnly);
  return out + mark;
}

function escapeCharacter(character: string, mark: string, asciiOnly: boolean): string {
  const named = NAMED[character];
  if (named !== undefined) return named;
  if (character === mark) return `\\${mark}`;
  const code = character.codePointAt(0) ?? 0;
  if (PRINTABLE.test(character) && (!asciiOnly || code < 0x7f)) return character;
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`;
  if (code > 0xffff) return `\\U${code.toString(16).padStart(8, '0')}`;
  return `\\u${code.toString(16).padStart(4, '0')}`;
}
