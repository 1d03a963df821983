//! A map from numbers to things. A number is never reused.

use std::marker::PhantomData;

/// A number that stands for a thing.
pub(crate) trait Number: Copy {
    fn number(self) -> usize;
}

#[derive(Clone, Debug)]
pub(crate) struct Slab<I, T> {
    things: Vec<Option<T>>,
    numbers: PhantomData<I>,
}

impl<I, T> Default for Slab<I, T> {
    fn default() -> Slab<I, T> {
        Slab { things: Vec::new(), numbers: PhantomData }
    }
}

impl<I: Number, T> Slab<I, T> {
    pub(crate) fn get(&self, id: &I) -> Option<&T> {
        self.things.get(id.number())?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, id: &I) -> Option<&mut T> {
        self.things.get_mut(id.number())?.as_mut()
    }

    pub(crate) fn contains_key(&self, id: &I) -> bool {
        self.get(id).is_some()
    }

    pub(crate) fn insert(&mut self, id: I, thing: T) {
        if self.things.len() <= id.number() {
            self.things.resize_with(id.number() + 1, || None);
        }
        self.things[id.number()] = Some(thing);
    }

    pub(crate) fn remove(&mut self, id: &I) {
        if let Some(place) = self.things.get_mut(id.number()) {
            *place = None;
        }
    }

    /// All things, with their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..).zip(&self.things).filter_map(|(id, thing)| Some((id, thing.as_ref()?)))
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.things.iter().flatten()
    }
}
