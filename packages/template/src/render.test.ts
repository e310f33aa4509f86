import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { CASE_DATA, testHost } from './case.testdata.ts';
import { GO_CASES } from './go-cases.testdata.ts';
import { renderTemplate, TemplateError } from './index.ts';
import { SPRIG_CASES } from './sprig-cases.testdata.ts';

const host = testHost((algorithm, bytes) => createHash(algorithm).update(bytes).digest());
const render = (template: string, data: unknown = CASE_DATA, strict = false) =>
  renderTemplate(template, data, { host, name: 't', missingKeyIsError: strict });

function failure(template: string, data: unknown = CASE_DATA, strict = false): TemplateError {
  try {
    render(template, data, strict);
  } catch (error) {
    if (error instanceof TemplateError) return error;
    throw error;
  }
  throw new Error('the template did not fail');
}

beforeAll(() => {
  process.env['TZ'] = 'UTC';
});

describe('what Go makes of a template', () => {
  for (const found of GO_CASES) {
    it(found.template.slice(0, 70), () => {
      if ('error' in found) expect(failure(found.template).message).toBe(found.error);
      else expect(render(found.template)).toBe(found.output);
    });
  }
});

describe('functions of sprig', () => {
  for (const found of SPRIG_CASES) {
    it(found.template.slice(0, 70), () => {
      if ('error' in found) expect(failure(found.template).message).toBe(found.error);
      else expect(render(found.template)).toBe(found.output);
    });
  }
});

describe('a missing key', () => {
  it('prints <no value> as in Go', () => expect(render('{{ .x }} {{ .x.y }}')).toBe('<no value> <no value>'));
  it('is an error with a place when asked for', () => {
    expect(failure('a\n {{ .b.x }}', CASE_DATA, true)).toMatchObject({
      code: 'TEMPLATE_FAILED',
      message: 't:2:5: there is no key "x"',
    });
  });
  it('may be filled by default before it is used', () => expect(render('{{ .x | default "d" }}')).toBe('d'));
  it('is not found in the prototype of an object', () => {
    expect(render('{{ .constructor }} {{ .__proto__ }} {{ .toString }}', {})).toBe('<no value> <no value> <no value>');
  });
});

describe('errors', () => {
  it('tell a template that cannot be parsed from one that cannot be executed', () => {
    expect(failure('{{ if }}').code).toBe('TEMPLATE_INVALID');
    expect(failure('{{ index .b.list 9 }}').code).toBe('TEMPLATE_FAILED');
  });
  it('never hold values of the data', () => {
    const secret = 'hunter2-secret';
    for (const template of ['{{ index .s .s }}', '{{ .s.x }}', '{{ add1 .s | upper }}', '{{ semver .s }}']) {
      expect(failure(template, { s: secret }).message).not.toContain(secret);
    }
    for (const name of ['b64dec', 'b32dec', 'mustFromJson', 'mustToDate "2006"', 'mustRegexMatch "("', 'urlParse']) {
      expect(failure(`{{ ${name} .s }}`, { s: ` ${secret}%zz` }).message).not.toContain(secret);
    }
  });
  it('say what to do about functions that are refused', () => {
    expect(failure('{{ genPrivateKey "rsa" }}').message).toContain('the function genPrivateKey is not supported');
    expect(failure('{{ .a | htpasswd "x" }}').message).toContain('Hash the password beforehand');
    expect(failure('{{ toYaml . }}').message).toContain('toJson');
  });
  it('hold the words of fail and required', () => {
    expect(failure('{{ required "name is needed" .x }}').message).toBe('t:1:4: required: name is needed');
    expect(render('{{ required "name is needed" .a }}')).toBe('alpha');
  });
});

describe('limits', () => {
  const hostile: [string, string, string][] = [
    ['output', '{{ range 100000 }}{{ range 1000 }}xxxxxxxxxxxxxxxx{{ end }}{{ end }}', 'characters'],
    ['steps', '{{ range 10000 }}{{ range 10000 }}{{ end }}{{ end }}', 'steps'],
    [
      'a template that calls itself',
      '{{ define "a" }}{{ template "a" }}{{ end }}{{ template "a" }}',
      'call one another',
    ],
    ['a long text', '{{ repeat 1000000000 "abc" }}', 'characters'],
    ['texts that grow', '{{ $x := "aaaaaaaa" }}{{ range 60 }}{{ $x = print $x $x }}{{ end }}', 'characters'],
    ['a long list', '{{ until 1000000000 }}', 'items'],
    ['a wide field', '{{ range 100000 }}{{ $x := printf "%99999d" 1 }}{{ end }}', 'characters of text'],
    ['parentheses', `{{ ${'('.repeat(5000)}1${')'.repeat(5000)} }}`, 'parentheses'],
    ['branches', '{{ if true }}'.repeat(5000) + '{{ end }}'.repeat(5000), 'inside one another'],
    ['a map in itself', '{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ $d }}', 'levels deep'],
    [
      'a long text that is read often',
      '{{ $s := repeat 8000000 "a" }}{{ range 100000 }}{{ $x := len $s }}{{ end }}',
      'steps',
    ],
    ['a list that doubles', '{{ $l := list 1 2 }}{{ range 60 }}{{ $l = concat $l $l }}{{ end }}', 'items'],
  ];
  for (const [name, template, words] of hostile) {
    it(`ends ${name}`, () => expect(failure(template).message).toContain(words));
  }
  it('refuses data that contains itself', () => {
    const data: Record<string, unknown> = {};
    data['self'] = data;
    expect(failure('{{ .a }}', data).message).toContain('nested');
  });
});

describe('properties', () => {
  it('text without delimiters is itself', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => text.includes('{{') || render(text) === text));
  });
  it('any text is rendered or refused with TemplateError', () => {
    const pieces = fc.constantFrom(
      ...[
        '{{',
        '}}',
        '{{-',
        '-}}',
        ' ',
        '.',
        '.a',
        '$',
        '$x',
        ':=',
        '=',
        '|',
        '(',
        ')',
        '"s"',
        '`r`',
        "'c'",
        '1',
        '1.5',
      ],
      ...[
        'if',
        'else',
        'end',
        'range',
        'with',
        'define',
        'template',
        'block',
        'break',
        'print',
        'index',
        'nil',
        '/*',
        '*/',
      ],
    );
    const text = fc.array(fc.oneof(pieces, fc.string()), { maxLength: 30 }).map((parts) => parts.join(' '));
    fc.assert(
      fc.property(text, (template) => {
        try {
          render(template);
        } catch (error) {
          expect(error).toBeInstanceOf(TemplateError);
        }
      }),
      { numRuns: 500 },
    );
  });
  it('a quoted constant prints the text it quotes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(render('{{ .s | quote | printf "{{ %s }}" }}', { s: text }).slice(0, 2)).toBe('{{');
        const quoted = render('{{ .s | printf "%q" }}', { s: text });
        expect(render(`{{ ${quoted} }}`)).toBe(text);
      }),
    );
  });
  it('toJson and fromJson are each other’s inverse', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const once = render('{{ toJson .v }}', { v: value });
        expect(render('{{ .v | fromJson | toJson }}', { v: once })).toBe(once);
      }),
    );
  });
  it('b64dec reads what b64enc writes, and so does base32', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(render('{{ .s | b64enc | b64dec }}{{ .s | b32enc | b32dec }}', { s: text })).toBe(text + text);
      }),
    );
  });
});
