const MAX_PLAIN_EXPONENT = 6;

/** How a float is written: Go's verbs `e`, `f`, `g`. A precision of -1 is the shortest text that reads back equal. */
export function formatFloat(value: number, verb: 'e' | 'f' | 'g', precision: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const size = Math.abs(value);
  if (verb === 'f') return sign + (precision < 0 ? shortestFixed(size) : fixed(size, precision));
  if (verb === 'e') return sign + exponential(size, precision);
  return sign + general(size, precision);
}

/** As `%v` and `print` write it. */
export function printFloat(value: number): string {
  return formatFloat(value, 'g', -1);
}

function exponential(size: number, precision: number): string {
  const text = precision < 0 ? size.toExponential() : size.toExponential(Math.min(precision, 100));
  const [mantissa = '0', exponent = '+0'] = text.split('e');
  return `${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
}

function fixed(size: number, precision: number): string {
  const digits = Math.min(precision, 100);
  // toFixed switches to exponents from 1e21 on; such numbers have no fraction.
  if (size >= 1e21) return BigInt(size).toString() + (digits > 0 ? `.${'0'.repeat(digits)}` : '');
  return size.toFixed(digits);
}

function shortestFixed(size: number): string {
  const [mantissa = '0', exponentText = '0'] = size.toExponential().split('e');
  const exponent = Number(exponentText);
  const [whole = '0', fraction = ''] = mantissa.split('.');
  const digits = whole + fraction;
  if (exponent < 0) return `0.${'0'.repeat(-exponent - 1)}${digits}`;
  if (digits.length <= exponent + 1) return digits.padEnd(exponent + 1, '0');
  return `${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
}

function general(size: number, precision: number): string {
  const wanted = precision === 0 ? 1 : precision;
  const text = wanted < 0 ? size.toExponential() : size.toExponential(Math.min(wanted, 100) - 1);
  const [mantissa = '0', exponentText = '0'] = text.split('e');
  const exponent = Number(exponentText);
  // The shortest text changes to exponents at a million, any other where its digits end.
  const limit = wanted < 0 ? MAX_PLAIN_EXPONENT : wanted;
  if (exponent < -4 || exponent >= limit) return trimExponential(mantissa, exponent);
  if (wanted < 0) return shortestFixed(size);
  return trimZeros(size.toFixed(Math.min(100, Math.max(0, wanted - 1 - exponent))));
}

function trimExponential(mantissa: string, exponent: number): string {
  return `${trimZeros(mantissa)}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

function trimZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
