#!/usr/bin/env bash
# Terraform 1.11.4 writes one and the same number in different ways, by the function that it comes from and the verb that
# prints it: an account ID becomes an exponent, and two thirds are not two thirds.
#
# Guess: numbers have 512 bits, as cty says of them, so equal sums are equal, and the default verb `%v` writes a number as
# `tostring` does.
# Seen: `format("%v", 123456789012)` is 1.23456789012e+11, where `%s`, `%d` and "${...}" give the digits. `length` yields
# numbers of 64 bits, and their quotient has no more: a third of two lengths has 20 digits, that of two literals 155, and
# `==` tells them apart. `log` computes with doubles, and `floor(log(1000, 10))` is 2.
# Matters because: an ARN that is built with `%v` from an account ID that was written without quotes names no account, and
# a language that promises Terraform's results has to decide for each of these whether it keeps it.
set -euo pipefail
command -v terraform >/dev/null || { echo "this needs Terraform 1.11 on the path"; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export TF_CLI_CONFIG_FILE=/dev/null
terraform version | head -n 1
value() { printf 'base64encode(jsonencode(%s))\n' "$1" | terraform console | tr -d '"' | base64 -d; }
seen=$(
  for expression in 'format("%v", 123456789012)' 'format("%s", 123456789012)' 'length([1]) / length([1, 2, 3]) == 1 / 3' \
    'length(tostring(length([1]) / length([1, 2, 3])))' 'length(tostring(1 / 3))' 'floor(log(1000, 10))'; do
    printf '%s = %s\n' "$expression" "$(value "$expression")"
  done
)
echo "$seen"
[ "$(sed 's/.* = //' <<<"$seen" | tr '\n' ' ')" = '"1.23456789012e+11" "123456789012" false 22 157 2 ' ]
