//! Aligning two sequences: which elements are counterparts, in order (the longest common subsequence).

/// A pair of counterparts, or an element without one.
pub type Pair = (Option<usize>, Option<usize>);

/// Cells that a table may have: beyond it, what differs in the middle is paired by place.
const MAX_CELLS: usize = 4_000_000;

/// The elements of `left` and `right` in one order, counterparts together. Elements are counterparts where their keys
/// are equal. What is equal at both ends is paired first, so that long and nearly equal sequences cost little.
pub fn align<K: PartialEq>(left: &[K], right: &[K]) -> Vec<Pair> {
    let head = left.iter().zip(right).take_while(|(a, b)| a == b).count();
    let rest = left.len().min(right.len()) - head;
    let tail = left.iter().rev().zip(right.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let (l, r) = (left.len() - tail, right.len() - tail);
    let mut pairs: Vec<Pair> = (0..head).map(|i| (Some(i), Some(i))).collect();
    if (l - head).saturating_mul(r - head) > MAX_CELLS {
        by_place(head..l, head..r, &mut pairs);
    } else {
        middle(&left[head..l], &right[head..r], head, &mut pairs);
    }
    pairs.extend((0..tail).map(|i| (Some(l + i), Some(r + i))));
    pairs
}

fn by_place(left: std::ops::Range<usize>, right: std::ops::Range<usize>, pairs: &mut Vec<Pair>) {
    let (mut left, mut right) = (left, right);
    loop {
        let pair = (left.next(), right.next());
        if pair == (None, None) {
            return;
        }
        pairs.push(pair);
    }
}

fn middle<K: PartialEq>(left: &[K], right: &[K], offset: usize, pairs: &mut Vec<Pair>) {
    let width = right.len() + 1;
    // Lengths of the longest common subsequences of the tails.
    let mut table = vec![0u32; (left.len() + 1) * width];
    for i in (0..left.len()).rev() {
        for j in (0..right.len()).rev() {
            table[i * width + j] = if left[i] == right[j] {
                table[(i + 1) * width + j + 1] + 1
            } else {
                table[(i + 1) * width + j].max(table[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < left.len() || j < right.len() {
        let both = i < left.len() && j < right.len();
        if both && left[i] == right[j] {
            pairs.push((Some(offset + i), Some(offset + j)));
            (i, j) = (i + 1, j + 1);
        } else if j == right.len() || (both && table[(i + 1) * width + j] >= table[i * width + j + 1]) {
            pairs.push((Some(offset + i), None));
            i += 1;
        } else {
            pairs.push((None, Some(offset + j)));
            j += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(left: &str, right: &str) -> String {
        let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
        let pairs = align(&left, &right).into_iter().map(|(l, r)| {
            let name = |side: &[char], at: Option<usize>| at.map_or('-', |at| side[at]);
            format!("{}{}", name(&left, l), name(&right, r))
        });
        pairs.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn counterparts_stand_together_in_order() {
        assert_eq!(shown("abc", "abc"), "aa bb cc");
        assert_eq!(shown("abc", "ac"), "aa b- cc");
        assert_eq!(shown("ac", "abc"), "aa -b cc");
        assert_eq!(shown("xay", "bac"), "x- -b aa y- -c");
        assert_eq!(shown("", "ab"), "-a -b");
        assert_eq!(shown("", ""), "");
    }

    proptest! {
        #[test]
        fn every_element_is_there_once_and_in_order(left in "[a-d]{0,24}", right in "[a-d]{0,24}") {
            let (l, r): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
            let pairs = align(&l, &r);
            let lefts: Vec<_> = pairs.iter().filter_map(|p| p.0).collect();
            let rights: Vec<_> = pairs.iter().filter_map(|p| p.1).collect();
            prop_assert_eq!(lefts, (0..l.len()).collect::<Vec<_>>());
            prop_assert_eq!(rights, (0..r.len()).collect::<Vec<_>>());
            for (a, b) in pairs {
                if let (Some(a), Some(b)) = (a, b) {
                    prop_assert_eq!(l[a], r[b]);
                }
            }
        }
    }
}
