//! A million cases are decided at a time: an ordinary one asks for no memory of its own.

use exgate_domain::case::{Case, Management, Unmatched};

use crate::verdict::fixture::{bundle, case, owner, record};
use crate::verdict::judge;
use crate::verdict::listener::Silence;

#[test]
fn an_ordinary_case_is_decided_without_memory_of_its_own() {
    let bundle = bundle();
    let changes: [fn(&mut Case); 6] = [
        |_| {},
        |case| record(case).os_version = "16.7".to_owned(),
        |case| owner(case).groups = vec!["TABLETS".to_owned(), "Sales".to_owned()],
        |case| owner(case).groups.clear(),
        |case| case.management = Management::Unmanaged(Unmatched::NoRecord),
        |case| case.owner = None,
    ];
    for change in changes {
        let mut case = case();
        change(&mut case);
        let asked = allocation_counter::measure(|| {
            std::hint::black_box(judge(bundle, &case, &mut Silence));
        });
        assert_eq!(asked.count_total, 0, "{case:#?}");
    }
}
