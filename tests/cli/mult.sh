#!/usr/bin/env bash
# mult list, mult errors, mult plot, mul: printed figures against published ones, and refusals.
. "${ROOT:?the source tree}/tests/cli/lib.inc" || exit 1

expect_exit 0 approxrun mult list
expect_match '^fp32 +23 '
expect_match '^mbm +1 to 23 .*Saadat'
expect_match '^mbm +1 to 23 +\[corr=truncate\|round\] '
expect_match '^drum +1 to 23 +k=1\.\.m\+1 .*Hashemi'
expect_match '^tosam +1 to 23 +h=0\.\.m t=1\.\.m '
expect_match '^lut +1 to 11 '
expect_match 'operands=round.* compat=approxtrain.* width_a=A,width_b=B'
expect_exit 0 approxrun mult list --json
check "mult list --json names the families in order" \
  jq -e '[.families[].family] == ["fp32", "exact", "mit", "mbm", "drum", "roba", "realm", "tosam", "soa", "lut", "c"] and .schema == 1' "$KEPT/out"
check "mult list --json has their keys" jq -e '.families | map({(.family): .keys}) | add |
  .drum == [{key: "k", range: "1..m+1", required: true}] and .mbm == [{key: "corr", range: "truncate|round", required: false}] and
  .mit == [] and (.tosam | map(.key)) == ["h", "t"]' "$KEPT/out"
expect_exit 0 approxrun mult list -v
expect_match '^  mbm:7 \(1,8,7\) 16 bits +6 x 6 +64 x 64 +7  biased sum, additive \+ rank 3  +[a-z0-9]'
expect_match '^  mbm:1 \(1,8,1\) 10 bits +0 x 0 +1 x 1 +0  biased sum, additive, rank 1  +[a-z0-9]'
expect_match '^  mit:7 \(1,8,7\) 16 bits +7 x 7 +128 x 128 +7  sum, additive  +[a-z0-9]'
expect_match '^  exact:23 \(1,8,23\) 32 bits +- +- +-  product  +[a-z0-9]'
expect_match '^  drum:7,k=4 \(1,8,7\) 16 bits +2 x 2 +4 x 4 +7  rank 1  +[a-z0-9]'
expect_match '^  drum:16,k=4 \(1,8,16\) 25 bits +- +- +-  - +[a-z0-9]'
check "mult list -v shows two examples of each family that needs keys" [ "$(grep -c '^  [a-z]*:[0-9]*,' "$KEPT/out")" -eq 8 ]
expect_exit 0 approxrun mult list -v --json
check "mult list -v --json has the same facts" jq -e '[.families[].multipliers[]?] | map({(.multiplier): .}) | add |
  .["mbm:7"].rank_beyond_additive == 3 and .["mbm:7"].live_mask_a == "111111-" and .["mbm:1"].rank == 1 and .["mbm:7"].rank == null and
  .["exact:9"].distinct_columns == 512 and .["exact:9"].form == "product" and (.["mit:23"] | .additive and .form == "sum") and
  (.["mbm:5"] | has("kernel") and has("kernel_transposed"))' "$KEPT/out"

expect_exit 0 approxrun mult errors exact:7 mit:7 mbm:7 mbm:1
expect_match '^exact:7 \(1,8,7\) 16 bits +0\.2710 +-0\.2710 .* 16384 \(all\)$'
expect_match '^mit:7 \(1,8,7\) 16 bits +3\.8485 +-3\.8485 '
expect_match '^mbm:7 \(1,8,7\) 16 bits +2\.6932 +\+0\.4469 +[0-9.]+ +-7\.6364 +\+9\.3750 '
expect_match '^mbm:1 \(1,8,1\) 10 bits +44\.4444 +\+38\.8889 .* 4 \(all\)$'
expect_exit 0 approxrun mult errors mit:12
expect_match ' 16777216 \(sampled\)$'
expect_exit 0 approxrun mult errors mit:1 --csv
expect_out 'multiplier,against,operand_width,pairs,sampled,med,nmed,mred,wce,wcre,bias,variance,sd,min,max,error_rate
"mit:1","exact product",1,4,0,0.0625,0.027777777777777776,0.027777777777777776,0.25,0.1111111111111111,-0.027777777777777776,0.0023148148148148147,0.048112522432468816,-0.1111111111111111,0,0.25'
expect_exit 0 approxrun mult errors mbm:7 --against mbm:7 --json
check "a multiplier equals itself" jq -e '.against == "mbm:7" and .errors[0].error_rate == 0 and .errors[0].pairs == 16384' "$KEPT/out"

expect_exit 0 approxrun mul mbm:7 1.25 1.25
expect_out 'under    mbm:7 (1,8,7) 16 bits
a        1.25             0x3fa00000
b        1.25             0x3fa00000
product  1.59375          0x3fcc0000
exact    1.5625
error    +2.0000 %'
expect_exit 0 approxrun mul exact:7 -0.1 0.3
expect_match '^product  -0\.0296630859 +0xbcf30000$'
expect_exit 0 approxrun mul mit:7 inf 0
expect_match '^product  nan +0x7fc00000$'
expect_match '^exact    nan$'
expect_match '^error    -$'
expect_exit 0 approxrun mul fp32 3 4 --json
check "mul --json" jq -e '.product.value == 12 and .product.bits == "0x41400000" and .relative_error == 0' "$KEPT/out"

expect_exit 0 approxrun mult plot mbm:7 -o mbm7.svg
expect_exit 0 approxrun mult plot mit:12 -o mit12.svg
check "the heat map is XML" xmllint --noout mbm7.svg mit12.svg
check "it is under 400 KB" [ "$(stat -c %s mbm7.svg)" -lt 400000 ]
check "its title has the format" grep -qF '<title>mbm:7 (1,8,7) 16 bits: relative error of a product</title>' mbm7.svg
check "no number in it is nan or inf" bash -c '! grep -qiE "\b(nan|inf)\b" mbm7.svg mit12.svg'
check "every cell is drawn once" [ "$(grep -oE "h[0-9]+v1" mbm7.svg | sed "s/^h//; s/v1$//" | awk "{n += \$1} END {print n}")" -eq 16384 ]

expect_exit 2 approxrun mult
expect_err "mult: a second word is missing: list, errors, plot"
expect_exit 2 approxrun mult eror mbm:7
expect_err "unknown word 'eror' (did you mean 'errors'?)"
expect_exit 2 approxrun mult errors mbn:7
expect_err "unknown family 'mbn' (did you mean 'mbm'?)"
expect_exit 0 approxrun mult errors drum:7,k=4 roba:7 mbm:3,corr=round
expect_match '^drum:7,k=4 \(1,8,7\) 16 bits +5\.9643 +\+1\.0674 '
expect_match '^roba:7 \(1,8,7\) 16 bits +2\.83[01][0-9]* +-0\.09'
expect_match '^mbm:3,corr=round \(1,8,3\) 12 bits '
expect_exit 2 approxrun mult errors drum:7
expect_err "the key k is missing, wanted a whole number from 1 to 8, as in drum:7,k=4"
expect_exit 2 approxrun mult errors realm:7,segmets=8
expect_err "unknown key 'segmets' (did you mean 'segments'?), realm takes segments"
expect_exit 2 approxrun mult errors mbm:0
expect_err "width 0, wanted 1 to 23"
expect_exit 2 approxrun mult errors mbm:7 --csv --json
expect_err "exclude each other"
expect_exit 2 approxrun mult plot mbm:7
expect_err "-o FILE.svg is missing"
expect_exit 4 approxrun mult plot mbm:7 -o no/such/place.svg
expect_err "no/such/place.svg"
expect_exit 2 approxrun mul mbm:7 1.25
expect_err "an argument is missing"
expect_exit 2 approxrun mul mbm:7 1.25 x
expect_err "'x' is no number"
expect_exit 0 approxrun mult --help
expect_match '^  mult errors SPEC'
expect_exit 0 approxrun mult errors --help
expect_match '^usage: approxrun mult errors SPEC'
