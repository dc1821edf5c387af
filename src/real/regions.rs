//! Where the scenario's memory lies in the processes of a run, so that page faults on it are told
//! apart from those of the program that carries the scenario out.

use crate::hw::mmu::KERNEL_BASE;
use crate::program::image::Image;

/// All memory objects.
pub struct Regions(Vec<Region>);

/// One memory object: its first page on the host, how many, and its first page in the scenario.
struct Region {
    first: u64,
    pages: u64,
    base: u64,
}

impl Regions {
    /// `first` are the host's numbers of the first pages.
    pub fn new(image: &Image, first: &[u64]) -> Regions {
        let regions = first.iter().zip(&image.memories).map(|(&first, spec)| Region {
            first,
            pages: spec.memory.pages.into(),
            base: spec.memory.base.0.into(),
        });
        Regions(regions.collect())
    }

    /// The page of an address: as the scenario counts if it is the scenario's memory, or the
    /// kernel's; else the host's number.
    pub fn page(&self, address: i64) -> u64 {
        if address < 0 {
            return u64::from(KERNEL_BASE.0);
        }
        let page = address as u64 >> 12;
        let holds = |region: &&Region| (region.first..region.first + region.pages).contains(&page);
        self.0.iter().find(holds).map_or(page, |region| page - region.first + region.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_scenarios_page_or_the_hosts() {
        let regions = Regions(vec![Region { first: 0x7f_0000, pages: 4, base: 16 }]);
        assert_eq!(regions.page(0x7_f000_0000), 16);
        assert_eq!(regions.page(0x7_f000_3fff), 19);
        assert_eq!(regions.page(0x7_f000_4000), 0x7f_0004);
        assert_eq!(regions.page(0xffff_8000_0000_0000_u64 as i64), u64::from(KERNEL_BASE.0));
    }
}
