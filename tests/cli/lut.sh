#!/usr/bin/env bash
# lut build, info, check: bytes, sizes, names and refusals.
. "${ROOT:?the source tree}/tests/cli/lib.inc" || exit 1

expect_exit 0 approxrun lut build mbm:7 -o MBM_7.bin
expect_err "MBM_7.bin: mbm:7 as u8, 16384 bytes"
check "u8 has a byte an entry" [ "$(stat -c %s MBM_7.bin)" -eq 16384 ]
check "entry (0, 0) of mbm:7 is 12/128" [ "$(od -An -tu1 -N1 MBM_7.bin | tr -d ' ')" -eq 12 ]
expect_exit 0 approxrun lut build mit:8 -o MIT_8.bin -q
check "u32 has four" [ "$(stat -c %s MIT_8.bin)" -eq 262144 ]
check "the last entry of mit:8 is a carry and 254/256" [ "$(tail -c4 MIT_8.bin | od -An -tx4 | tr -d ' ')" = 807f0000 ]
expect_exit 0 approxrun lut build mbm --width 7 -o again_7.bin -q
check "SPEC and --width make the same table" cmp MBM_7.bin again_7.bin
expect_exit 0 approxrun lut build lut:MBM_7.bin --format u32 -o wide_7.bin -q
expect_exit 0 approxrun lut build lut:wide_7.bin -o back_7.bin -q
check "u8 to u32 to u8 keeps every byte" cmp MBM_7.bin back_7.bin
expect_exit 0 approxrun lut build mbm:1 -o - -q
check "mbm:1 is a constant" [ "$(od -An -tx1 "$KEPT/out" | tr -d ' ')" = 80808080 ]

expect_exit 0 approxrun lut info MBM_7.bin
expect_match '^multiplier   lut:MBM_7\.bin \(1,8,7\) 16 bits$'
expect_match '^format       u8, 128 x 128 entries$'
expect_match '^live bits    111111- of the first operand, 111111- of the second$'
expect_match '^distinct     64 rows, 64 columns$'
expect_match '^structure    biased sum, additive \+ rank 3$'
expect_match '^errors       MRED 2\.6932 %, bias \+0\.4469 %'
check "its SHA-256 is that of the u32 file" grep -q "$(sha256sum <wide_7.bin | cut -d' ' -f1)" "$KEPT/out"
expect_exit 0 approxrun lut info MIT_8.bin --json
check "lut info --json" jq -e '.width == 8 and .format == "u32" and .additive and .form == "sum" and .rank_beyond_additive == 0 and .family == "MIT" and (.errors.pairs == 65536)' "$KEPT/out"

expect_exit 0 approxrun lut check MBM_7.bin mbm:7
expect_out 'MBM_7.bin: equal to mbm:7'
cp MBM_7.bin bad_7.bin && printf '\x0d' | dd of=bad_7.bin bs=1 seek=129 conv=notrunc 2>/dev/null
expect_exit 1 approxrun lut check bad_7.bin mbm:7
expect_err "differs from mbm:7 in 1 of 16384 entries, first at (1, 1): found carry 0 fraction 0x0d0000, wanted carry 0 fraction 0x0c0000"
expect_exit 1 approxrun lut check MBM_7.bin mbm:5
expect_err "MBM_7.bin: width 7, and mbm:5 has 5"

head -c 64 /dev/zero >t.bin
expect_exit 2 approxrun lut info t.bin
expect_err "64 bytes are u8 of width 3 or u32 of width 2; say width=M or format=u8|u32"
expect_exit 0 approxrun lut info t.bin --width 3
expect_match '^multiplier   lut:t\.bin,width=3 \(1,8,3\) 12 bits$'
expect_exit 0 approxrun lut info t.bin --format u32
expect_match '\(1,8,2\) 11 bits$'
head -c 16000 MBM_7.bin >cut_7.bin
expect_exit 65 approxrun lut info cut_7.bin
expect_err "16000 bytes, wanted 16384 (u8) or 65536 (u32) for width 7"
cp MBM_7.bin stray_5.bin
expect_exit 65 approxrun lut info stray_5.bin
expect_err "16384 bytes, wanted 1024 (u8) or 4096 (u32) for width 5 (from its name); if the name is wrong, say width=M"
expect_exit 2 approxrun lut info none_7.bin
expect_err "none_7.bin: No such file"

expect_exit 0 approxrun lut build mbm:7 --width-a 7 --width-b 4 -o cut.bin
check "it says how to read it" grep -q "^cut.bin: read it as 'lut:cut.bin,width_a=7,width_b=4'$" "$KEPT/err"
check "2^(7 + 4) bytes" [ "$(stat -c %s cut.bin)" -eq 2048 ]
check "entry (3, 5) is that of (3, 5 << 3)" [ "$(od -An -tu1 -j$((3 * 16 + 5)) -N1 cut.bin)" = "$(od -An -tu1 -j$((3 * 128 + 40)) -N1 MBM_7.bin)" ]
expect_exit 0 approxrun lut info cut.bin --width-a 7 --width-b 4
expect_match '^multiplier   lut:cut\.bin,width_a=7,width_b=4 \(1,8,7\) 16 bits$'
expect_match '^format       u8, 128 x 16 entries$'
expect_match '^live bits    111111- of the first operand, 1111--- of the second$'
expect_exit 0 approxrun lut build lut:cut.bin,width_a=7,width_b=4 -o copy.bin -q
check "it is written as it was read" cmp cut.bin copy.bin
expect_exit 0 approxrun lut info cut.bin --width-a 7 --width-b 4 --json
check "lut info --json" jq -e '.width == 7 and .width_a == 7 and .width_b == 4' "$KEPT/out"
expect_exit 65 approxrun lut info cut.bin --width-a 7 --width-b 5
expect_err "cut.bin: 2048 bytes, wanted 4096 (u8) or 16384 (u32) for widths 7 and 5"
expect_exit 2 approxrun lut info cut.bin --width-a 7
expect_err "width_b is missing"
expect_exit 2 approxrun lut build mbm:7 --width-b 4 -o x.bin
expect_err "--width-a is missing"
expect_exit 2 approxrun lut build mbm:5 --width-a 7 --width-b 4 -o x.bin
expect_err "widths 7 and 4, wanted 1 to 5, the width of mbm:5"
expect_exit 2 approxrun lut build mbm:7,operands=round -o x_7.bin
expect_err "a table holds neither operands nor compat"
for key in operands=round compat=approxtrain; do
  expect_exit 2 approxrun lut check MBM_7.bin mbm:7,$key
  expect_err "lut check: mbm:7,$key: a table holds neither operands nor compat"
done

expect_exit 2 approxrun lut build mit:8 --format u8 -o x_8.bin
expect_err "at most 7 bits, found width 8; use --format u32"
check "nothing was written" [ ! -e x_8.bin ]
expect_exit 2 approxrun lut build mit:12 -o x_12.bin
expect_err "mit:12 has no table, wanted a multiplier of width 1 to 11"
expect_exit 2 approxrun lut build fp32 -o x.bin
expect_err "fp32 has no table"
expect_exit 2 approxrun lut build lut:MBM_7.bin,width=7 --width 5 -o x_5.bin
expect_err "the key width is given twice, wanted once"
expect_exit 2 approxrun lut build mbm:7 --width 5 -o x_5.bin
expect_err "names its width"
expect_exit 2 approxrun lut build mbm:7 --format u16 -o x_7.bin
expect_err "wanted u8"
expect_exit 2 approxrun lut build mbm:7
expect_err "-o FILE is missing"
expect_exit 4 approxrun lut build mbm:7 -o no/such/MBM_7.bin
expect_err "no/such/MBM_7.bin"
expect_exit 2 approxrun lut chek MBM_7.bin mbm:7
expect_err "did you mean 'check'?"
