"""Which functions a user's SQL may call.

What sqlglot knows by name is plain SQL, but for the readers of files. What it does not know must be on this list.
"""

from __future__ import annotations

from sqlglot import exp

REFUSED_FUNCTIONS: tuple[type[exp.Func], ...] = (exp.ReadCSV, exp.ReadParquet)

ALLOWED_FUNCTIONS = frozenset(
    name
    for line in (
        "at_timezone with_timezone to_unixtime epoch epoch_ms",
        "array_position array_sort array_distinct array_max array_min array_intersect array_union cardinality",
        "contains list_aggregate list_sum list_avg list_max list_min",
        "json_array_contains json_array_get json_array_length json_exists json_format json_keys json_parse",
        "json_size json_type json_valid json_value",
        "codepoint format levenshtein_distance hamming jaccard lpad rpad md5 reverse starts_with strpos",
        "strip_accents translate regexp_count url_encode url_decode to_base64 from_base64 to_hex from_hex",
        "bit_count bitwise_and bitwise_or bitwise_xor even factorial gcd lcm greatest isfinite isinf isnan",
        "infinity nan nullif pi random sign trunc try typeof width_bucket",
        "corr covar_pop covar_samp entropy histogram kurtosis mad mode product quantile quantile_cont",
        "quantile_disc regr_intercept regr_r2 regr_slope sem skewness",
    )
    for name in line.split()
)
