import type { TemplateHost } from '../host.ts';
import type { Budget } from '../run/budget.ts';
import type { GoTime } from '../value/go-time.ts';
import type { Dict, Value } from '../value/value.ts';

/** What functions get besides their arguments. */
export interface FunctionContext {
  host: TemplateHost;
  budget: Budget;
}

/** What an argument must be; anything is allowed for `any`. */
export interface ParameterTypes {
  any: Value;
  string: string;
  /** An integer that fits a JavaScript number. */
  int: number;
  float: number;
  bool: boolean;
  dict: Dict;
  time: GoTime;
}

/** Name of a parameter type. */
export type Parameter = keyof ParameterTypes;

/** A function of templates, as the executor calls it: arguments are checked against the parameters before. */
export interface TemplateFunction {
  parameters: readonly Parameter[];
  /** Type of any number of further arguments. */
  rest?: Parameter;
  run(context: FunctionContext, args: readonly Value[]): Value;
}

/** Functions by name. */
export type FunctionTable = Readonly<Record<string, TemplateFunction>>;

/** A function refuses its arguments; the executor adds where. The message holds no values of the data. */
export class FunctionFailure extends Error {}

type Arguments<P extends readonly Parameter[]> = { -readonly [K in keyof P]: ParameterTypes[P[K]] };

/** Declares a function with a fixed number of arguments. */
export function fn<const P extends readonly Parameter[]>(
  parameters: P,
  run: (context: FunctionContext, ...args: Arguments<P>) => Value,
): TemplateFunction {
  return { parameters, run: (context, args) => run(context, ...(args as Arguments<P>)) };
}

/** Declares a function whose last argument may be repeated or left out. */
export function variadic<const P extends readonly Parameter[], R extends Parameter>(
  parameters: P,
  rest: R,
  run: (context: FunctionContext, ...args: [...Arguments<P>, ...ParameterTypes[R][]]) => Value,
): TemplateFunction {
  return {
    parameters,
    rest,
    run: (context, args) => run(context, ...(args as unknown as [...Arguments<P>, ...ParameterTypes[R][]])),
  };
}
