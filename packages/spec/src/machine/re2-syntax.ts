/** Largest count of a repetition, by the definition of RE2. */
const REPEAT_LIMIT = 1000;

/**
 * Why RE2 would refuse an expression, or undefined for one it takes. RE2 has neither looking around nor references back, so
 * some expressions of other languages never match. This is only the grammar; matching is left to a real RE2.
 */
export function findRe2Fault(pattern: string): string | undefined {
  let rest = pattern;
  let depth = 0;
  /** What stands before can be repeated: an atom, not a repetition. */
  let repeatable = false;
  let repeated = false;
  while (rest !== '') {
    const token = nextToken(rest);
    if ('fault' in token) return token.fault;
    if (token.kind === 'open') depth += 1;
    if (token.kind === 'close') depth -= 1;
    if (depth < 0) return 'a ) has no (';
    if (token.kind === 'repeat') {
      if (repeated) return 'repeats a repetition';
      if (!repeatable) return 'a repetition has nothing to repeat';
    }
    repeated = token.kind === 'repeat';
    // Flags such as (?i) are nothing themselves: what stands before them is what can be repeated.
    if (token.kind !== 'flags') repeatable = token.kind === 'atom' || token.kind === 'close' || repeated;
    rest = rest.slice(token.length);
  }
  return depth > 0 ? 'a ( is not closed' : undefined;
}

type Token = { kind: 'open' | 'close' | 'or' | 'atom' | 'repeat' | 'flags'; length: number } | { fault: string };

function nextToken(text: string): Token {
  switch (text.charAt(0)) {
    case '(':
      return groupToken(text);
    case ')':
      return { kind: 'close', length: 1 };
    case '|':
      return { kind: 'or', length: 1 };
    case '[':
      return classToken(text);
    case '\\':
      return escapeToken(text, false);
    case '*':
    case '+':
    case '?':
      return { kind: 'repeat', length: text.charAt(1) === '?' ? 2 : 1 };
    case '{':
      return countToken(text);
    default:
      return { kind: 'atom', length: text.charCodeAt(0) >= 0xd800 && text.charCodeAt(0) < 0xdc00 ? 2 : 1 };
  }
}

function groupToken(text: string): Token {
  if (text.charAt(1) !== '?') return { kind: 'open', length: 1 };
  if (/^\(\?<?[=!]/.test(text)) return { fault: 'looks ahead or behind, which RE2 cannot' };
  const named = /^\(\?P?<\w+>/.exec(text);
  if (named) return { kind: 'open', length: named[0].length };
  const flags = /^\(\?(?:[imsU]*-[imsU]+|[imsU]+|)(:|\))/.exec(text);
  if (!flags) return { fault: 'has a group with (? that RE2 does not know' };
  return { kind: flags[1] === ':' ? 'open' : 'flags', length: flags[0].length };
}

function countToken(text: string): Token {
  const [whole, least = '', comma, most = ''] = /^\{(\d+)(,)?(\d*)\}\??/.exec(text) ?? [];
  if (whole === undefined || (comma === undefined && most !== '')) return { kind: 'atom', length: 1 };
  const [low, high] = [Number(least), most === '' ? Number(least) : Number(most)];
  if (low > REPEAT_LIMIT || high > REPEAT_LIMIT || high < low)
    return { fault: 'has a count of repetitions that is not allowed' };
  return { kind: 'repeat', length: whole.length };
}

function escapeToken(text: string, inClass: boolean): Token {
  if (text.length < 2) return { fault: 'ends with a single \\' };
  if (/^\\[1-9](?![0-7])|^\\[89]/.test(text)) return { fault: 'refers back to a group, which RE2 cannot' };
  const octal = /^\\(0[0-7]{0,2}|[1-7][0-7]{1,2})/.exec(text);
  if (octal) return { kind: 'atom', length: octal[0].length };
  if (text.startsWith('\\Q') && !inClass) {
    const end = text.indexOf('\\E', 2);
    // Nothing in quotes is nothing to repeat.
    return { kind: end === 2 ? 'flags' : 'atom', length: end < 0 ? text.length : end + 2 };
  }
  const long = /^\\([pP](\^?\w|\{\^?\w+\})|x([0-9A-Fa-f]{2}|\{[0-9A-Fa-f]{1,6}\}))/.exec(text);
  if (long) return { kind: 'atom', length: long[0].length };
  const known = inClass ? /^\\([dDsSwWafnrtv]|[^\w])/u : /^\\([AzbBdDsSwWafnrtv]|[^\w])/u;
  const plain = known.exec(text);
  return plain ? { kind: 'atom', length: plain[0].length } : { fault: 'has an escape with \\ that RE2 does not know' };
}

function classToken(text: string): Token {
  let at = text.charAt(1) === '^' ? 2 : 1;
  const start = at;
  for (;;) {
    if (at >= text.length) return { fault: 'a [ is not closed' };
    if (text.charAt(at) === ']' && at > start) return { kind: 'atom', length: at + 1 };
    const named = /^\[:\^?\w+:\]/.exec(text.slice(at, at + 16));
    if (named) at += named[0].length;
    else if (/^\\[dDsSwWpP]/.test(text.slice(at, at + 2))) {
      const token = escapeToken(text.slice(at), true);
      if ('fault' in token) return token;
      at += token.length;
    } else {
      const range = rangeLength(text.slice(at));
      if (typeof range === 'string') return { fault: range };
      at += range;
    }
  }
}

/** Length of a character of a class, or of a range of characters; or what is wrong with it. */
function rangeLength(text: string): number | string {
  const low = classCharacter(text);
  if (typeof low === 'string') return low;
  if (text.charAt(low) !== '-' || text.charAt(low + 1) === ']' || text.length <= low + 1) return low;
  const rest = text.slice(low + 1);
  const high = classCharacter(rest);
  if (typeof high === 'string') return high;
  const [from, to] = [text.slice(0, low), rest.slice(0, high)];
  const plain = !from.startsWith('\\') && !to.startsWith('\\');
  const backwards = plain && (from.codePointAt(0) ?? 0) > (to.codePointAt(0) ?? 0);
  return backwards ? 'has a range of characters that runs backwards' : low + 1 + high;
}

function classCharacter(text: string): number | string {
  if (text.charAt(0) !== '\\') return String.fromCodePoint(text.codePointAt(0) ?? 0).length;
  if (/^\\[dDsSwWpP]/.test(text)) return 'has a range of characters that ends with a class';
  const token = escapeToken(text, true);
  return 'fault' in token ? token.fault : token.length;
}
