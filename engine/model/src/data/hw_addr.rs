//! The hardware addresses that a link accepts besides its own (net/core/dev_addr_lists.c).

use netscript_net::op::Mac;

/// `struct netdev_hw_addr`
#[derive(Clone, Copy, Debug)]
struct HwAddr {
    mac: Mac,
    /// `refcount`
    uses: u32,
    /// A link above needs it.
    synced: bool,
    /// `sync_cnt`: how often it was passed to the link below.
    passed: u32,
}

/// The addresses of one link, each once.
#[derive(Clone, Debug, Default)]
pub(crate) struct HwAddrs(Vec<HwAddr>);

impl HwAddrs {
    pub(crate) fn iter(&self) -> impl Iterator<Item = Mac> {
        self.0.iter().map(|addr| addr.mac)
    }

    pub(crate) fn contains(&self, mac: Mac) -> bool {
        self.iter().any(|known| known == mac)
    }

    /// `dev_uc_add_excl`, `dev_mc_add_excl`: whether it was new.
    pub(crate) fn add(&mut self, mac: Mac) -> bool {
        let new = !self.contains(mac);
        if new {
            self.0.push(HwAddr { mac, uses: 1, synced: false, passed: 0 });
        }
        new
    }

    /// `dev_uc_del`, `dev_mc_del`: whether it was there. It stays as long as something else uses it.
    pub(crate) fn del(&mut self, mac: Mac) -> bool {
        let Some(at) = self.0.iter().position(|known| known.mac == mac) else { return false };
        self.release(at);
        true
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// `__hw_addr_sync`: passes new and removed addresses to the link below.
    pub(crate) fn sync_to(&mut self, below: &mut HwAddrs) {
        for mac in self.iter().collect::<Vec<_>>() {
            let Some(at) = self.0.iter().position(|known| known.mac == mac) else { continue };
            if self.0[at].passed == 0 {
                below.take(mac);
                self.0[at].passed += 1;
                self.0[at].uses += 1;
            } else if self.0[at].uses <= self.0[at].passed {
                self.withdraw(at, below);
            }
        }
    }

    /// Takes the addresses of this link that the link below has as passed by it.
    pub(crate) fn adopt(&mut self, below: &mut HwAddrs) {
        for addr in &mut self.0 {
            match below.0.iter_mut().find(|known| known.mac == addr.mac) {
                Some(known) => known.synced = true,
                None => below.take(addr.mac),
            }
            addr.passed += 1;
            addr.uses += 1;
        }
    }

    /// `__hw_addr_unsync`
    pub(crate) fn unsync_from(&mut self, below: &mut HwAddrs) {
        for mac in self.iter().collect::<Vec<_>>() {
            let at = self.0.iter().position(|known| known.mac == mac && known.passed > 0);
            if let Some(at) = at {
                self.withdraw(at, below);
            }
        }
    }

    /// `__hw_addr_add_ex` for a link above
    fn take(&mut self, mac: Mac) {
        match self.0.iter_mut().find(|known| known.mac == mac) {
            Some(known) => {
                known.synced = true;
                known.uses += 1;
            }
            None => self.0.push(HwAddr { mac, uses: 1, synced: true, passed: 0 }),
        }
    }

    /// `__hw_addr_unsync_one`: an address that the link below has lost meanwhile is left unchanged here.
    fn withdraw(&mut self, at: usize, below: &mut HwAddrs) {
        let mac = self.0[at].mac;
        let Some(there) = below.0.iter().position(|known| known.mac == mac && known.synced) else { return };
        below.0[there].synced = false;
        below.release(there);
        self.0[at].passed -= 1;
        self.release(at);
    }

    fn release(&mut self, at: usize) {
        self.0[at].uses -= 1;
        if self.0[at].uses == 0 {
            self.0.remove(at);
        }
    }
}
