//! Reading flatbuffers (<https://flatbuffers.dev/internals/>) without trusting them: every access is checked.

use super::ModelError::{self, Damaged};

/// More items in one list than any model has: a list this long is a damaged length.
const MOST_ITEMS: usize = 1 << 16;

/// A table: 32-bit back reference to its list of field positions (the vtable), then the fields.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Table<'a> {
    /// The outermost table of a file.
    pub fn root(bytes: &'a [u8]) -> Result<Self, ModelError> {
        Self::referred_at(bytes, 0)
    }

    /// The table that the 32-bit reference at `place` leads to.
    fn referred_at(bytes: &'a [u8], place: usize) -> Result<Self, ModelError> {
        Ok(Self { bytes, at: moved(place, u32_at(bytes, place)?)? })
    }

    /// Where field number `index` is stored; `None` when it was left at its default.
    fn field(&self, index: usize) -> Result<Option<usize>, ModelError> {
        let back = i64::from(u32_at(self.bytes, self.at)? as i32);
        let vtable = usize::try_from(self.at as i64 - back).map_err(|_| Damaged("a table points before the file"))?;
        let length = u16_at(self.bytes, vtable)?;
        // Two 16-bit sizes precede the field positions.
        let entry = 4 + 2 * index;
        if entry + 2 > length {
            return Ok(None);
        }
        match u16_at(self.bytes, moved(vtable, entry)?)? {
            0 => Ok(None),
            offset => moved(self.at, offset).map(Some),
        }
    }

    pub fn int(&self, index: usize, default: i32) -> Result<i32, ModelError> {
        self.field(index)?.map_or(Ok(default), |at| Ok(u32_at(self.bytes, at)? as i32))
    }

    pub fn byte(&self, index: usize) -> Result<u8, ModelError> {
        self.field(index)?.map_or(Ok(0), |at| self.bytes.get(at).copied().ok_or(Damaged("it ends too early")))
    }

    pub fn table(&self, index: usize) -> Result<Option<Table<'a>>, ModelError> {
        self.field(index)?.map(|at| Self::referred_at(self.bytes, at)).transpose()
    }

    /// Position and length of a list, which lies inside the file as a whole. A missing list is an empty one.
    fn list(&self, index: usize, item_bytes: usize) -> Result<(usize, usize), ModelError> {
        let Some(place) = self.field(index)? else { return Ok((0, 0)) };
        let at = moved(place, u32_at(self.bytes, place)?)?;
        let items = u32_at(self.bytes, at)?;
        let first = moved(at, 4)?;
        if items > self.bytes.len().saturating_sub(first) / item_bytes {
            return Err(Damaged("a list runs past its end"));
        }
        Ok((first, items))
    }

    pub fn bytes(&self, index: usize) -> Result<&'a [u8], ModelError> {
        let (first, items) = self.list(index, 1)?;
        Ok(&self.bytes[first..first + items])
    }

    pub fn ints(&self, index: usize) -> Result<Vec<i32>, ModelError> {
        let (first, items) = self.short_list(index)?;
        (0..items).map(|item| Ok(u32_at(self.bytes, first + 4 * item)? as i32)).collect()
    }

    pub fn tables(&self, index: usize) -> Result<Vec<Table<'a>>, ModelError> {
        let (first, items) = self.short_list(index)?;
        (0..items).map(|item| Self::referred_at(self.bytes, first + 4 * item)).collect()
    }

    fn short_list(&self, index: usize) -> Result<(usize, usize), ModelError> {
        let (first, items) = self.list(index, 4)?;
        if items > MOST_ITEMS { Err(Damaged("a list is too long")) } else { Ok((first, items)) }
    }
}

fn moved(at: usize, by: usize) -> Result<usize, ModelError> {
    at.checked_add(by).ok_or(Damaged("a reference overflows"))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<usize, ModelError> {
    let four = bytes.get(at..).and_then(<[u8]>::first_chunk).ok_or(Damaged("it ends too early"))?;
    Ok(u32::from_le_bytes(*four) as usize)
}

fn u16_at(bytes: &[u8], at: usize) -> Result<usize, ModelError> {
    let two = bytes.get(at..).and_then(<[u8]>::first_chunk).ok_or(Damaged("it ends too early"))?;
    Ok(usize::from(u16::from_le_bytes(*two)))
}
