import type { TemplateCase } from './case.testdata.ts';

/** Functions of sprig and what they give; outputs were compared with Go 1.26's, errors only for being one. */
export const SPRIG_CASES: readonly TemplateCase[] = [
  {
    template:
      '{{ default "d" .missing }} {{ default "d" "" }} {{ default "d" 0 }} {{ default "d" .a }} {{ .missing | default "x" }} {{ default "d" }}',
    output: 'd d d alpha x d',
  },
  {
    template:
      '{{ empty "" }} {{ empty 0 }} {{ empty .b }} {{ empty nil }} {{ coalesce "" 0 .missing "z" "y" }} {{ coalesce 0 }}',
    output: 'true true false true z <no value>',
  },
  {
    template:
      '{{ ternary "y" "n" true }} {{ ternary "y" "n" (eq 1 2) }} {{ true | ternary 1 2 }} {{ all 1 "a" true }} {{ any 0 "" }} {{ hello }}',
    output: 'y n 1 true false Hello!',
  },
  {
    template:
      '{{ kindOf 1 }} {{ kindOf "s" }} {{ kindOf .b }} {{ kindOf .b.list }} {{ kindOf true }} {{ kindOf 1.5 }} {{ kindIs "map" .b }} {{ kindOf nil }}',
    output: 'int string map slice bool float64 true invalid',
  },
  {
    template:
      '{{ typeOf 1 }} {{ typeOf "s" }} {{ typeOf .b }} {{ typeOf .b.list }} {{ typeIs "string" "x" }} {{ typeIsLike "*string" "x" }} {{ deepEqual .b.list (list 1 2 3) }}',
    output: 'int string map[string]interface {} []interface {} true false true',
  },
  {
    template:
      '{{ toString 1 }} {{ toString .b.list }} {{ toStrings .b.list }} {{ atoi "12" }} {{ atoi "x" }} {{ int "12" }} {{ int "0x10" }} {{ int "010" }} {{ int 3.9 }} {{ int64 "7" }} {{ float64 "1.5" }} {{ float64 "x" }} {{ int true }} {{ toDecimal "777" }} {{ toDecimal "9" }} {{ int "12.0" }} {{ int "12.5" }} {{ int nil }} {{ atoi "007" }} {{ int "" }}',
    output: '1 [1 2 3] [1 2 3] 12 0 12 16 8 3 7 1.5 0 1 511 0 12 0 0 7 0',
  },
  {
    template:
      '{{ trim "  a b \\n" }}| {{ trimAll "$" "$5.00$" }} {{ trimall "ab" "abcba" }} {{ trimPrefix "-" "-x" }} {{ trimSuffix "-" "x-" }} {{ upper "abé" }} {{ lower "ABÉ" }}',
    output: 'a b| 5.00 c x x ABÉ abé',
  },
  {
    template:
      '{{ title "hello wORLD foo-bar it\'s" }} {{ untitle "Hello World" }} {{ swapcase "This Is" }} {{ initials "First Try" }} {{ repeat 3 "ab" }} {{ repeat 0 "a" }}|',
    output: "Hello WORLD Foo-Bar It'S hello world tHIS iS FT ababab |",
  },
  {
    template:
      '{{ substr 0 5 "hello world" }} {{ substr 3 -1 "hello" }} {{ substr -1 2 "hello" }} {{ substr 2 99 "hello" }} {{ trunc 5 "hello world" }} {{ trunc -5 "hello world" }} {{ trunc 99 "a" }} {{ trunc -99 "a" }} {{ trunc 0 "abc" }}|',
    output: 'hello lo he llo hello world a a |',
  },
  {
    template:
      '{{ nospace "a b  c\\t" }} {{ abbrev 5 "hello world" }} {{ abbrev 3 "hello" }} {{ abbrevboth 5 10 "1234 5678 9123" }} {{ abbrevboth 0 5 "abcdefgh" }} {{ abbrevboth 6 9 "abcdefghijklmnop" }}',
    output: 'abc he... hello ...5678... ab... ...ghi...',
  },
  {
    template:
      '{{ wrap 10 "the quick brown fox jumps" }}|{{ wrapWith 5 "\\t" "HelloWorld again" }}|{{ wrap 3 "abcdef gh" }}|{{ wrap 0 "ab cd" }}',
    output: 'the quick\nbrown fox\njumps|Hello\tWorld\tagain|abcdef\ngh|ab\ncd',
  },
  {
    template:
      '{{ contains "cat" "catch" }} {{ hasPrefix "ca" "cat" }} {{ hasSuffix "at" "cat" }} {{ quote "a" 1 nil "b\\"c" true }} {{ squote "a" 1 nil }} {{ cat "a" 1 nil "b" }} {{ quote nil }}|',
    output: 'true true true "a" "1" "b\\"c" "true" \'a\' \'1\' a 1 b |',
  },
  {
    template:
      '{{ indent 4 "a\\nb" }}|{{ nindent 2 "a\\nb" }}|{{ replace "a" "b" "banana" }}|{{ replace "" "-" "abc" }} {{ plural "one" "many" 1 }} {{ plural "one" "many" (len .words) }}',
    output: '    a\n    b|\n  a\n  b|bbnbnb|-a-b-c- one many',
  },
  {
    template:
      '{{ snakecase "FirstName" }} {{ snakecase "HTTPServer" }} {{ snakecase "http2 server" }} {{ camelcase "http_server" }} {{ camelcase "foo bar-baz" }} {{ kebabcase "FirstName" }} {{ kebabcase "first name" }} {{ camelcase "_complex__case_" }}',
    output: 'first_name http_server http2_server HttpServer FooBarBaz first-name first-name _Complex_Case_',
  },
  {
    template:
      '{{ split "$" "foo$bar" }} {{ (split "," "a,b,c")._1 }} {{ splitn "$" 2 "foo$bar$baz" }} {{ splitList "," "a,b,c" }} {{ join "-" .words }} {{ join "," .b.list }} {{ join "," "x" }} {{ join "," nil }}| {{ sortAlpha .words }} {{ sortAlpha (list 3 1 2) }}',
    output: 'map[_0:foo _1:bar] b map[_0:foo _1:bar$baz] [a b c] b-a-c-a 1,2,3 x | [a a b c] [1 2 3]',
  },
  {
    template:
      '{{ list 1 "a" true }} {{ tuple 1 2 }} {{ first .b.list }} {{ last .b.list }} {{ rest .b.list }} {{ initial .b.list }} {{ first (list) }} {{ rest (list) }} {{ append .b.list 4 }} {{ push .b.list 5 }} {{ prepend .b.list 0 }} {{ concat .b.list (list 9) (list) }}',
    output: '[1 a true] [1 2] 1 3 [2 3] [1 2] <no value> [] [1 2 3 4] [1 2 3 5] [0 1 2 3] [1 2 3 9]',
  },
  {
    template:
      '{{ reverse .b.list }} {{ uniq .words }} {{ without .words "a" "b" }} {{ has "a" .words }} {{ has 9 .b.list }} {{ compact (list 1 "" 0 nil "a") }} {{ slice .b.list 1 }} {{ slice .b.list 0 2 }} {{ slice .b.list }} {{ chunk 2 .b.list }} {{ has 1 nil }}',
    output: '[3 2 1] [b a c] [c] true false [1 a] [2 3] [1 2] [1 2 3] [[1 2] [3]] false',
  },
  {
    template:
      '{{ until 3 }} {{ until -3 }} {{ untilStep 3 9 3 }} {{ untilStep 9 3 -2 }} {{ untilStep 1 5 0 }} {{ seq 5 }} {{ seq -3 }} {{ seq 0 2 }} {{ seq 2 -2 }} {{ seq 0 2 10 }} {{ seq 0 -2 -5 }} {{ seq 5 1 1 }}| {{ seq }}| {{ seq 0 }}| {{ seq 1 }}',
    output:
      '[0 1 2] [0 -1 -2] [3 6] [9 7 5] [] 1 2 3 4 5 1 0 -1 -2 -3 0 1 2 2 1 0 -1 -2 0 2 4 6 8 10 0 -2 -4 | | 1 0| 1',
  },
  {
    template:
      '{{ $d := dict "a" 1 "b" "x" }}{{ $d }} {{ get $d "a" }} {{ get $d "zz" }}| {{ $_ := set $d "c" 3 }}{{ $d }} {{ $_ := unset $d "a" }}{{ $d }} {{ hasKey $d "b" }} {{ hasKey $d "a" }} {{ dict "odd" }} {{ dict 1 2 }}',
    output: 'map[a:1 b:x] 1 | map[a:1 b:x c:3] map[b:x c:3] true false map[odd:] map[1:2]',
  },
  {
    template:
      '{{ pluck "x" (dict "x" 1) (dict "y" 2) (dict "x" 3) }} {{ keys (dict "a" 1) }} {{ values (dict "a" 1) }} {{ pick (dict "a" 1 "b" 2) "a" "z" }} {{ omit (dict "a" 1 "b" 2) "a" }}',
    output: '[1 3] [a] [1] map[a:1] map[b:2]',
  },
  {
    template:
      '{{ dig "a" "b" "def" (dict "a" (dict "b" 5)) }} {{ dig "a" "x" "def" (dict "a" (dict "b" 5)) }} {{ dig "q" "b" "def" (dict) }}',
    output: '5 def def',
  },
  {
    template:
      '{{ merge (dict "a" 1 "n" (dict "x" 1)) (dict "a" 2 "b" 3 "n" (dict "x" 9 "y" 2)) }} {{ mergeOverwrite (dict "a" 1 "n" (dict "x" 1)) (dict "a" 2 "b" 3 "n" (dict "x" 9 "y" 2)) }} {{ merge (dict "a" "" "z" 0) (dict "a" "f" "z" 5) }} {{ mergeOverwrite (dict "a" "x") (dict "a" "") }}',
    output: 'map[a:1 b:3 n:map[x:1 y:2]] map[a:2 b:3 n:map[x:9 y:2]] map[a:f z:5] map[a:]',
  },
  {
    template: '{{ $a := dict "x" (list 1) }}{{ $b := deepCopy $a }}{{ $_ := set $b "x" 2 }}{{ $a }} {{ $b }}',
    output: 'map[x:[1]] map[x:2]',
  },
  {
    template:
      '{{ add 1 2 3 }} {{ add "1" "2" }} {{ add1 5 }} {{ sub 5 3 }} {{ mul 2 3 4 }} {{ div 7 2 }} {{ div -7 2 }} {{ mod 7 3 }} {{ mod -7 3 }} {{ max 1 5 3 }} {{ min 4 2 8 }} {{ biggest 1 2 }} {{ add 1.9 2 }} {{ add }}',
    output: '6 3 6 2 24 3 -3 1 -1 5 2 2 3 0',
  },
  {
    template:
      '{{ addf 1.5 2.25 }} {{ addf 0.1 0.2 }} {{ subf 7.5 2 3 }} {{ mulf 1.5 2 2 }} {{ divf 10 4 }} {{ divf 1 3 }} {{ add1f 1.5 }} {{ maxf 1 2.5 }} {{ minf 1.5 3 }} {{ ceil 1.1 }} {{ floor 1.9 }} {{ round 123.5555 3 }} {{ round 1.5 0 }} {{ round 123.555 2 0.3 }} {{ floor "3.7" }} {{ round -1.5 0 }}',
    output: '3.75 0.3 2.5 6 2.5 0.3333333333333333 2.5 2.5 1.5 2 1 123.556 2 123.56 3 -2',
  },
  { template: '{{ mul 9223372036854775807 2 }} {{ add 9223372036854775807 1 }}', output: '-2 -9223372036854775808' },
  {
    template:
      '{{ b64enc "héllo" }} {{ b64dec "aMOpbGxv" }} {{ b32enc "hello!" }} {{ b32dec "NBSWY3DPEE======" }} {{ sha1sum "a" }} {{ sha256sum "a" }} {{ sha512sum "" | trunc 10 }} {{ adler32sum "hello" }}',
    output:
      'aMOpbGxv héllo NBSWY3DPEE====== hello! 86f7e437faa5a7fce15d1ddcb9eaeaea377667b8 ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb cf83e1357e 103547413',
  },
  {
    template:
      '{{ toJson .b }} {{ toJson (list 1 "a" nil 1.5 true) }} {{ toJson "<a&b>" }} {{ toRawJson "<a&b>" }} {{ toPrettyJson (dict "a" (list 1 2) "b" (dict) "c" (list)) }} {{ (fromJson "{\\"a\\":[1,2.5]}").a }} {{ fromJson "[1e6,1234567]" }} {{ toJson 1e21 }} {{ toJson 0.0000001 }} {{ toJson 1.0 }} {{ toJson "é☺\\u2028\\t" }}',
    output:
      '{"c":"cee","list":[1,2,3]} [1,"a",null,1.5,true] "\\u003ca\\u0026b\\u003e" "<a&b>" {\n  "a": [\n    1,\n    2\n  ],\n  "b": {},\n  "c": []\n} [1 2.5] [1e+06 1.234567e+06] 1e+21 1e-7 1 "é☺\\u2028\\t"',
  },
  {
    template:
      '{{ regexMatch "^a.c$" "abc" }} {{ regexFind "[0-9]+" "ab12cd34" }} {{ regexFindAll "[a-z]" "1a2b3c" -1 }} {{ regexFindAll "[a-z]" "1a2b3c" 2 }} {{ regexReplaceAll "a(x*)b" "-ab-axxb-" "${1}W" }} {{ regexReplaceAll "a(x*)b" "-ab-axxb-" "$1W" }} {{ regexReplaceAllLiteral "a(x*)b" "-ab-axxb-" "${1}" }} {{ regexSplit "z+" "pizza" -1 }} {{ regexSplit "a" "banana" 2 }} {{ regexSplit "" "abc" -1 }} {{ regexQuoteMeta "1.2+[a]" }} {{ regexFind "x" "abc" }}| {{ regexFindAll "a*" "baaac" -1 }} {{ regexReplaceAll "(?P<n>b)" "abc" "<$n>" }} {{ regexReplaceAll "x*" "abc" "-" }} {{ regexSplit "a*" "baac" -1 }} {{ regexSplit "," "" -1 }}',
    output:
      'true 12 [a b c] [a b] -W-xxW- --- -${1}-${1}- [pi a] [b nana] [a b c] 1\\.2\\+\\[a\\] | [ aaa ] a<b>c -a-b-c- [b c] []',
  },
  {
    template:
      '{{ semverCompare "^1.2.0" "1.2.3" }} {{ semverCompare "^1.2.0" "2.0.0" }} {{ semverCompare ">=1.2, <2" "1.9.9" }} {{ semverCompare "~1.2.3" "1.2.9" }} {{ semverCompare "~1.2.3" "1.3.0" }} {{ semverCompare "1.2.x" "1.2.7" }} {{ semverCompare "<1.0 || >2" "2.5.0" }} {{ semverCompare "1.2 - 1.4.5" "1.4.5" }} {{ semverCompare ">1.0" "1.0.5" }} {{ semverCompare ">=1.0.0-0" "1.1.0-beta" }} {{ semverCompare ">=1.0.0" "1.1.0-beta" }} {{ semverCompare "!=1.2" "1.2.3" }} {{ semverCompare "*" "3.4.5" }} {{ semverCompare "^0.2.3" "0.2.9" }} {{ semverCompare "^0.2.3" "0.3.0" }} {{ semverCompare "^0.0.3" "0.0.4" }} {{ semverCompare "<=1.2" "1.2.9" }} {{ semverCompare "=1.2.3" "v1.2.3" }}',
    output: 'true false true true false true false true false true false false true true false false true true',
  },
  {
    template:
      '{{ semver "v1.2.3-rc.1+b5" }} {{ (semver "1.2.3-rc.1").Major }} {{ (semver "1.2.3-rc.1").Prerelease }} {{ (semver "1.2").Original }} {{ (semver "1.2.3+x").Metadata }}',
    output: '1.2.3-rc.1+b5 1 rc.1 1.2 x',
  },
  {
    template:
      '{{ base "/a/b.c" }} {{ dir "/a/b/c" }} {{ clean "/a/../b/./c//d/" }} {{ ext "a.tar.gz" }} {{ isAbs "/x" }} {{ base "" }} {{ base "/" }} {{ dir "a" }} {{ clean "" }} {{ clean "../../a" }} {{ osBase "/x/y" }} {{ osDir "/x/y" }} {{ ext "a/b" }}| {{ dir "/" }} {{ base "a/" }}',
    output: 'b.c /a/b /b/c/d .gz true . / . . ../../a y /x | / a',
  },
  {
    template:
      '{{ urlParse "http://user:pw@host:8080/p%20a?q=1#frag" }} {{ urlJoin (dict "scheme" "https" "host" "h" "path" "/p" "query" "a=b") }} {{ urlParse "mailto:a@b" }}',
    output:
      'map[fragment:frag host:host:8080 hostname:host opaque: path:/p a query:q=1 scheme:http userinfo:user:pw] https://h/p?a=b map[fragment: host: hostname: opaque:a@b path: query: scheme:mailto userinfo:]',
  },
  {
    template:
      '{{ date "2006-01-02 15:04:05" 1709618828 }} {{ dateInZone "Mon, 02 Jan 2006 15:04:05 MST" 1709618828 "UTC" }} {{ dateInZone "2006-01-02T15:04:05Z07:00" 1709618828 "Europe/Berlin" }} {{ date_in_zone "3:04PM Monday January _2 06" 1709618828 "UTC" }} {{ htmlDate 1709618828 }} {{ htmlDateInZone 1709618828 "Asia/Tokyo" }} {{ dateInZone "2006-01-02 -0700 MST" 1709618828 "America/New_York" }} {{ dateInZone "02/01/06 03:04 pm .000 002" 1709618828 "nope/zone" }}',
    output:
      '2024-03-05 06:07:08 Tue, 05 Mar 2024 06:07:08 UTC 2024-03-05T07:07:08+01:00 6:07AM Tuesday March  5 24 2024-03-05 2024-03-05 2024-03-05 -0500 EST 05/03/24 06:07 am .000 065',
  },
  {
    template:
      '{{ toDate "2006-01-02" "2017-12-31" | date "02/01/2006" }} {{ toDate "2006-01-02" "2017-12-31" }} {{ unixEpoch (toDate "2006-01-02" "2017-12-31") }} {{ toDate "2006-01-02" "2017-12-31" | dateModify "-1.5h" | date "2006-01-02 15:04" }} {{ toDate "2006-01-02T15:04:05Z07:00" "2020-02-29T01:02:03+02:00" }} {{ toDate "2006-01-02" "nonsense" }} {{ toDate "Jan 2 2006 3:04 PM" "Mar 5 2021 4:05 PM" }} {{ toDate "2006-01-02" "2021-02-30" }}',
    output:
      '31/12/2017 2017-12-31 00:00:00 +0000 UTC 1514678400 2017-12-30 22:30 2020-02-29 01:02:03 +0200 +0200 0001-01-01 00:00:00 +0000 UTC 2021-03-05 16:05:00 +0000 UTC 0001-01-01 00:00:00 +0000 UTC',
  },
  {
    template:
      '{{ duration "95" }} {{ duration "3600" }} {{ duration "x" }} {{ durationRound "2h10m5s" }} {{ durationRound "90s" }} {{ durationRound "800h" }} {{ durationRound "1ms" }}',
    output: '1m35s 1h0m0s 0s 2h 1m 1mo 0s',
  },
  {
    template:
      '{{ len (randAlphaNum 10) }} {{ len (randAlpha 5) }} {{ len (randNumeric 5) }} {{ len (randAscii 5) }} {{ len uuidv4 }} {{ len (randBytes 6) }} {{ len (shuffle "abc") }} {{ randInt 1 2 }} {{ regexMatch "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab]" uuidv4 }}',
    output: '10 5 5 5 36 8 3 1 true',
  },
  { template: '{{ env "TZ" }} {{ expandenv "x $TZ ${TZ} $NOPE_X" }} {{ env "NOPE_X" }}|', output: 'UTC x UTC UTC  |' },
  { template: '{{ fail "stop" }}', error: 't:1:4: fail: stop' },
  { template: '{{ upper 1 }}', error: 't:1:10: argument 1 of upper: expected string, got int' },
  {
    template: '{{ upper .missing }}',
    error: 't:1:10: argument 1 of upper: expected string, got no value (a missing key)',
  },
  { template: '{{ trunc "a" "b" }}', error: 't:1:10: argument 1 of trunc: expected int, got string' },
  { template: '{{ trunc 1.5 "b" }}', error: 't:1:10: argument 1 of trunc: expected int, got float64' },
  { template: '{{ trunc 2.0 "bcd" }}', output: 'bc' },
  { template: '{{ upper }}', error: 't:1:4: upper needs 1 argument, got 0' },
  { template: '{{ div 1 0 }}', error: 't:1:4: div: division by zero' },
  { template: '{{ mustFirst 3 }}', error: 't:1:4: mustFirst: expected a list, got int' },
  { template: '{{ first nil }}', error: 't:1:4: first: expected a list, got nil' },
  {
    template: '{{ mustRegexMatch "(" "x" }}',
    error: 't:1:4: mustRegexMatch: the pattern is not a regular expression of RE2',
  },
  {
    template: '{{ semverCompare "bogus x" "1.2.3" }}',
    error: 't:1:4: semverCompare: the constraint is not one of semantic versions',
  },
  { template: '{{ semver "x" }}', error: 't:1:4: semver: the text is not a semantic version' },
  { template: '{{ mustToDate "2006-01-02" "x" }}', error: 't:1:4: mustToDate: the text is not a date of this layout' },
  { template: '{{ mustFromJson "{" }}', error: 't:1:4: mustFromJson: the text is not JSON' },
  { template: '{{ dig "a" "d" }}', error: 't:1:4: dig: needs at least one key, a default and a map' },
  { template: '{{ ternary 1 2 "x" }}', error: 't:1:16: argument 3 of ternary: expected bool, got string' },
  { template: '{{ set "x" "a" 1 }}', error: 't:1:8: argument 1 of set: expected map, got string' },
  { template: '{{ slice .b.list 2 1 }}', error: 't:1:4: slice: the positions are outside the list' },
  { template: '{{ chunk 0 .b.list }}', error: 't:1:4: chunk: the size must be 1 or more' },
  { template: '{{ substr 4 2 "hello" }}', error: 't:1:4: substr: the positions are outside the text' },
  { template: '{{ repeat -1 "a" }}', error: 't:1:4: repeat: the count is negative' },
  {
    template: '{{ trunc 4 .a }} {{ trunc 4 .a | upper | quote }} {{ .a | trunc 2 | printf "%s-%d" "x" | default "q" }}',
    output: 'alph "ALPH" x-%!d(string=al)',
  },
  { template: '{{ range $i, $w := sortAlpha .words | uniq }}{{ $i }}{{ $w }} {{ end }}', output: '0a 1b 2c ' },
  {
    template:
      '{{ range until 3 }}{{ . }}{{ end }} {{ range $i := untilStep 0 6 2 }}{{ $i }}{{ end }} {{ range splitList "," "a,b" }}<{{ . }}>{{ end }}',
    output: '012 024 <a><b>',
  },
  { template: '{{ with dict "k" (list 1 2) }}{{ range .k }}{{ . }}{{ end }}{{ end }}', output: '12' },
  { template: '{{ if and (hasKey .b "c") (gt (len .b.list) 2) }}ok{{ end }}', output: 'ok' },
  { template: '{{ printf "%s" (upper "x") | lower | repeat 2 }}', output: 'xx' },
  { template: '{{ eq (add 1 2) 3 }} {{ add 1 2 | toString | eq "3" }} {{ lt (int "3") 4 }}', output: 'true true true' },
  { template: '{{ round 2.5 0 | int }} {{ div 10 3 | mul 3 }} {{ 5 | sub 8 }} {{ 2 | div 10 }}', output: '3 9 3 5' },
  {
    template:
      '{{ (toDate "2006-01-02" "2017-12-31").Year }} {{ (toDate "2006-01-02" "2017-12-31").Unix }} {{ (toDate "2006-01-02" "2017-12-31").UTC }}',
    output: '2017 1514678400 2017-12-31 00:00:00 +0000 UTC',
  },
];
