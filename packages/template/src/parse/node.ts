/** A number constant: what it is as an integer, as a float, or as both. */
export interface NumberNode {
  kind: 'number';
  offset: number;
  integer: bigint | undefined;
  float: number;
  /** Written with a point or an exponent: a float where nothing else is asked for. */
  isFloat: boolean;
}

/** Something that stands as an operand in a command. */
export type Operand =
  | { kind: 'dot' | 'nil'; offset: number }
  | { kind: 'bool'; offset: number; value: boolean }
  | { kind: 'string'; offset: number; value: string }
  | NumberNode
  | { kind: 'field'; offset: number; names: string[] }
  | { kind: 'variable'; offset: number; name: string; names: string[] }
  | { kind: 'chain'; offset: number; operand: Operand; names: string[] }
  | { kind: 'function'; offset: number; name: string }
  | Pipeline;

/** `a b | c d`, with the variables it sets. */
export interface Pipeline {
  kind: 'pipeline';
  offset: number;
  variables: string[];
  /** `=` rather than `:=`. */
  assigns: boolean;
  commands: Command[];
}

/** A function or value and its arguments. */
export interface Command {
  offset: number;
  operands: [Operand, ...Operand[]];
}

/** A branch: `if`, `with` or `range`. */
export interface BranchNode {
  kind: 'if' | 'with' | 'range';
  offset: number;
  pipeline: Pipeline;
  body: TemplateNode[];
  otherwise: TemplateNode[] | undefined;
}

/** A piece of a template. */
export type TemplateNode =
  | { kind: 'text'; offset: number; text: string }
  | { kind: 'action'; offset: number; pipeline: Pipeline }
  | { kind: 'template'; offset: number; name: string; pipeline: Pipeline | undefined }
  | { kind: 'break' | 'continue'; offset: number }
  | BranchNode;

/** A parsed template and those it defines. */
export interface ParsedTemplate {
  body: TemplateNode[];
  definitions: Map<string, TemplateNode[]>;
}
