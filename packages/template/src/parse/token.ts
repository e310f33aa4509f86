/** What the lexer tells apart. */
export type TokenKind =
  | 'text'
  | 'left'
  | 'right'
  | 'space'
  | 'word'
  | 'keyword'
  | 'field'
  | 'variable'
  | 'number'
  | 'character'
  | 'string'
  | 'raw-string'
  | 'bool'
  | 'nil'
  | 'dot'
  | '|'
  | '('
  | ')'
  | ':='
  | '='
  | ','
  | 'end';

/** One token; `offset` counts UTF-16 units from the start of the template. */
export interface Token {
  kind: TokenKind;
  text: string;
  offset: number;
}

/** How a message names a token. */
export function describeToken(token: Token): string {
  if (token.kind === 'end') return 'the end of the template';
  if (token.kind === 'right') return 'the end of the action';
  if (token.kind === 'left') return 'the start of an action';
  if (token.kind === 'text') return 'text';
  if (token.kind === 'space') return 'space';
  return token.text.length > 20 ? `${token.text.slice(0, 20)}...` : token.text;
}
